"""Finds every nucleus in a microscope image and says how much each outline can be trusted.

>>> import nucleisplit
>>> nucleisplit.__version__.count(".")
2

The public names are in ``__init__.pyi``. Each is imported on first use, and torch and LightGBM with
it, so that ``import nucleisplit`` and ``nucleisplit --help`` stay instant.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
