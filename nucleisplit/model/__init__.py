"""A model as a folder, what it was made of, and several that work as one."""

import lazy_loader

# All in __init__.pyi; `Ensemble` needs torch, which is slow to import.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
