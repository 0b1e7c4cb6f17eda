"""A model as a folder, what it was made of, and several that work as one."""

from typing import TYPE_CHECKING, Any

from .bundle import (
    MODELS,
    Bundle,
    add_quantized,
    check_replaceable,
    load_bundle,
    model_folder,
    save_adapted,
    save_bundle,
)
from .catalog import list_models
from .image_scaling import ImageScaling
from .manifest import MANIFEST, read_manifest
from .network_cache import cache_folders

if TYPE_CHECKING:
    from .ensemble import Ensemble

__all__ = [
    "MANIFEST",
    "MODELS",
    "Bundle",
    "ImageScaling",
    "Ensemble",
    "add_quantized",
    "cache_folders",
    "check_replaceable",
    "list_models",
    "load_bundle",
    "model_folder",
    "read_manifest",
    "save_adapted",
    "save_bundle",
]


def __getattr__(name: str) -> Any:
    """Import torch, which is slow, only where networks compute (PEP 562)."""
    if name == "Ensemble":
        from .ensemble import Ensemble

        return Ensemble
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
