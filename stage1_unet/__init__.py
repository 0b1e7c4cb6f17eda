"""Stage 1: a U-Net that maps an image to body, border and separation probabilities.

A library of its own: arrays in, arrays out; it knows nothing of files of images or of stage 2.
"""

import lazy_loader

from .preprocess import preprocess as preprocess  # before its module takes the name

# All in __init__.pyi; most need torch, or in training lightning, which are slow to import.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
