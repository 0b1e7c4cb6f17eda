"""The command line: one command per file, shared options in ``options.py``."""
