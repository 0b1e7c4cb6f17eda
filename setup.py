__import__("setuptools").setup()  # all metadata is in setup.cfg
