"""Training beside inference: folds, out-of-fold maps, both fits, the model they make."""

import lazy_loader

# All in __init__.pyi; most need torch or lightning, which are slow to import.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
