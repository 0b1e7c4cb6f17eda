"""Stage 1: a U-Net that maps an image to body, border and separation probabilities.

A library of its own: arrays in, arrays out; it knows nothing of files of images or of stage 2.
"""

from typing import TYPE_CHECKING, Any

from .backends import BackendError, quantize_network
from .config import NetworkConfig, PredictConfig, PreprocessConfig, TrainConfig
from .export import ONNX_OPSET, Exported, ExportError, export_onnx, export_torchscript
from .model import WEIGHTS, build_network, load_network, save_network
from .predict import Prediction, Predictor, channel_shares, to_batch
from .preprocess import Levels, measure_levels, preprocess
from .progress import Progress, part_of
from .targets import CHANNELS, make_targets
from .tiles import Tile, list_tiles

if TYPE_CHECKING:
    from .data import Pair
    from .train import train_network

__all__ = [
    "CHANNELS",
    "ONNX_OPSET",
    "WEIGHTS",
    "BackendError",
    "ExportError",
    "Exported",
    "Levels",
    "NetworkConfig",
    "Pair",
    "PredictConfig",
    "Prediction",
    "Predictor",
    "PreprocessConfig",
    "Progress",
    "Tile",
    "TrainConfig",
    "build_network",
    "channel_shares",
    "export_onnx",
    "export_torchscript",
    "list_tiles",
    "load_network",
    "make_targets",
    "measure_levels",
    "part_of",
    "preprocess",
    "quantize_network",
    "save_network",
    "to_batch",
    "train_network",
]

_TRAINING = {"Pair": "data", "train_network": "train"}
"""Names that only training needs; lightning and albumentations are slow to import."""


def __getattr__(name: str) -> Any:
    if name in _TRAINING:
        from importlib import import_module

        return getattr(import_module(f".{_TRAINING[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
