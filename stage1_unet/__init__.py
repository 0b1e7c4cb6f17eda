"""Stage 1: a U-Net that maps an image to body, border and separation probabilities.

A library of its own: arrays in, arrays out; it knows nothing of files of images or of stage 2.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .config import WEIGHTS, NetworkConfig, PredictConfig, PreprocessConfig, TrainConfig
from .preprocess import Levels, measure_levels, preprocess
from .progress import Progress, part_of
from .targets import CHANNELS, make_targets
from .tiles import Tile, list_tiles

if TYPE_CHECKING:
    from .backends import BACKENDS, BackendError, quantize_network
    from .callbacks import Part
    from .data import Pair
    from .export import ONNX_OPSET, Exported, ExportError, export_onnx, export_torchscript
    from .model import build_network, load_network, save_network
    from .predict import Prediction, Predictor, channel_shares, to_batch
    from .train import train_network

__all__ = [
    "BACKENDS",
    "CHANNELS",
    "ONNX_OPSET",
    "WEIGHTS",
    "BackendError",
    "ExportError",
    "Exported",
    "Levels",
    "NetworkConfig",
    "Pair",
    "Part",
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

_HOMES = {
    "BACKENDS": "backends",
    "BackendError": "backends",
    "quantize_network": "backends",
    "Pair": "data",
    "Part": "callbacks",
    "ONNX_OPSET": "export",
    "Exported": "export",
    "ExportError": "export",
    "export_onnx": "export",
    "export_torchscript": "export",
    "build_network": "model",
    "load_network": "model",
    "save_network": "model",
    "Prediction": "predict",
    "Predictor": "predict",
    "channel_shares": "predict",
    "to_batch": "predict",
    "train_network": "train",
}
"""Names that need torch, or in training lightning, which are slow to import."""


def __getattr__(name: str) -> Any:
    """Import a name from the module it lives in (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
