"""Which device computes, found without torch where there can be no GPU."""

from __future__ import annotations

import sys
from ctypes.util import find_library
from pathlib import Path

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/nvhost-ctrl")
"""What the drivers of GPUs put there on Linux: NVIDIA's, Windows' (WSL), AMD's, Jetson's."""


def resolve_device(name: str) -> str:
    """Turn `auto` into the best device there is.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}

    Returns
    -------
    str
        ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    ValueError
        When the device asked for is not available.
    """
    if name == "cpu" or (name == "auto" and not may_have_gpu()):
        return "cpu"
    import torch  # slow to import

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next((kind for kind, there in available.items() if there), "cpu")
    if not available.get(name, False):
        raise ValueError(f"device {name!r} is not available here; use auto or cpu")
    return name


def may_have_gpu() -> bool:
    """Tell whether there could be a GPU that torch can use: whether its driver is there."""
    if sys.platform == "linux":
        return any(Path(driver).exists() for driver in _DRIVERS)
    if sys.platform == "win32":
        return find_library("nvcuda") is not None
    return True
