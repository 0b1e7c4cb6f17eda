"""Training beside inference: folds, out-of-fold maps, both fits, the model they make."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .run_folder import TrainingRun

if TYPE_CHECKING:
    from .corrections import add_corrections
    from .start import Start
    from .trees import train_trees
    from .unet import TrainOptions, train_unet

__all__ = ["Start", "TrainOptions", "TrainingRun", "add_corrections", "train_trees", "train_unet"]

_HOMES = {
    "Start": "start",
    "TrainOptions": "unet",
    "add_corrections": "corrections",
    "train_trees": "trees",
    "train_unet": "unet",
}
"""Names that need torch or lightning, which are slow to import."""


def __getattr__(name: str) -> Any:
    """Import a name from the module it lives in (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
