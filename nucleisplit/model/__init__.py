"""A model as a folder, what it was made of, and several that work as one."""

from .bundle import (
    MODELS,
    Bundle,
    add_quantized,
    check_replaceable,
    load_bundle,
    save_adapted,
    save_bundle,
)
from .catalog import list_models
from .ensemble import Ensemble
from .image_scaling import ImageScaling
from .manifest import MANIFEST, read_manifest
from .network_cache import cache_folders

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
    "read_manifest",
    "save_adapted",
    "save_bundle",
]
