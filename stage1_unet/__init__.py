"""Stage 1: a U-Net that maps an image to body, border and separation probabilities.

A library of its own: arrays in, arrays out; it knows nothing of files of images or of stage 2.
"""

from .backends import BackendError, quantize_network
from .config import NetworkConfig, PredictConfig, PreprocessConfig, TrainConfig
from .model import WEIGHTS, build_network, load_network, save_network
from .predict import Prediction, Predictor, channel_shares, to_batch
from .preprocess import Levels, measure_levels, preprocess
from .targets import CHANNELS, make_targets
from .tiles import Tile, list_tiles

__all__ = [
    "CHANNELS",
    "WEIGHTS",
    "BackendError",
    "Levels",
    "NetworkConfig",
    "Pair",
    "PredictConfig",
    "Prediction",
    "Predictor",
    "PreprocessConfig",
    "Tile",
    "TrainConfig",
    "build_network",
    "channel_shares",
    "list_tiles",
    "load_network",
    "make_targets",
    "measure_levels",
    "preprocess",
    "quantize_network",
    "save_network",
    "to_batch",
    "train_network",
]

_TRAINING = {"Pair": "data", "train_network": "train"}
"""Names that only training needs; lightning and albumentations are slow to import."""


def __getattr__(name: str):
    if name in _TRAINING:
        from importlib import import_module

        return getattr(import_module(f".{_TRAINING[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
