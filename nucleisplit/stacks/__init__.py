"""Stacks of slices: maps of planes in three directions, volumes, what is measured of them."""

import lazy_loader

# All in __init__.pyi; some need torch, which is slow to import.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
