"""Finds every nucleus in a microscope image and says how much each outline can be trusted.

>>> import nucleisplit
>>> nucleisplit.__version__.count(".")
2

The heavy parts (torch, LightGBM) are imported on first use of a name below, so that
``import nucleisplit`` and ``nucleisplit --help`` stay instant.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nucleisplit.config import RunConfig, load_config
    from nucleisplit.errors import NucleisplitError
    from nucleisplit.model import Bundle, load_bundle
    from nucleisplit.options import InferOptions
    from nucleisplit.result import Segmentation
    from nucleisplit.segmenter import Segmenter, segment
    from nucleisplit.stacks import StackSegmentation

__version__ = "0.1.0"

_HOMES = {
    "Bundle": "nucleisplit.model",
    "load_bundle": "nucleisplit.model",
    "InferOptions": "nucleisplit.options",
    "NucleisplitError": "nucleisplit.errors",
    "RunConfig": "nucleisplit.config",
    "load_config": "nucleisplit.config",
    "Segmentation": "nucleisplit.result",
    "Segmenter": "nucleisplit.segmenter",
    "StackSegmentation": "nucleisplit.stacks",
    "segment": "nucleisplit.segmenter",
}

__all__ = [
    "Bundle",
    "InferOptions",
    "NucleisplitError",
    "RunConfig",
    "Segmentation",
    "Segmenter",
    "StackSegmentation",
    "__version__",
    "load_bundle",
    "load_config",
    "segment",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the module it lives in (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nucleisplit' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
