"""What every file format has to offer: a lazy array per level, and what its metadata say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["ArrayStore", "Index", "OmeGroup", "Store", "micrometres"]

Index = tuple["int | slice", ...]
"""One position or range per stored dimension."""


@dataclass(frozen=True)
class OmeGroup:
    """The group of an OME-Zarr that an image is in."""

    folder: Path
    version: str
    multiscale: dict
    """What its metadata say of the pyramid."""


class Store(ABC):
    """An image in a file, opened; pixels are read when asked for.

    Attributes
    ----------
    axes : str
        One letter per stored dimension: T, C, Z, Y, X, S (samples of a colour pixel), others where
        the file does not say.
    shapes : tuple of (tuple of int or None)
        Shape of every level of the pyramid, the finest first; None for one that is not readable.
    dtype : numpy.dtype
    pixel_size : tuple of float or None
        Height and width of a pixel of level 0 in um.
    z_step : float or None
        Distance of the slices of level 0 in um.
    channels : tuple of str
        Names of the channels, in their order; empty when unknown.
    alpha : bool
        The samples beyond three (or one) are no colours and are dropped.
    group : OmeGroup or None
        Of an image in the folder of an OME-Zarr.
    """

    axes: str
    shapes: tuple[tuple[int, ...] | None, ...]
    dtype: np.dtype
    pixel_size: tuple[float, float] | None = None
    z_step: float | None = None
    channels: tuple[str, ...] = ()
    alpha: bool = False
    group: OmeGroup | None = None

    @abstractmethod
    def read(self, level: int, index: Index) -> np.ndarray:
        """Return the pixels at the index, dimensions of a single position left out."""

    def missing_chunks(self, level: int, index: Index) -> int:
        """Count the chunks of a part that the file leaves out, which read as zero."""
        return 0

    def stored_bytes(self, level: int, enough: int) -> int:
        """Return how many bytes of the disk hold a level, or any number of `enough` and above."""
        return enough

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Close the file."""


class ArrayStore(Store):
    """An image that is decoded as a whole: PNG, JPEG, BMP, WebP."""

    def __init__(self, pixels: np.ndarray, alpha: bool = False) -> None:
        self.axes = "YXS"[: pixels.ndim]
        self.shapes = (pixels.shape,)
        self.dtype = pixels.dtype
        self.alpha = alpha
        self._pixels = pixels

    def read(self, level: int, index: Index) -> np.ndarray:
        return self._pixels[index]


_UNITS = {
    1e-4: ("å", "angstrom", "ångström"),
    1e-3: ("nm", "nanometer", "nanometre"),
    1.0: ("µm", "μm", "um", "micron", "microns", "micrometer", "micrometre", "\\u00b5m"),
    1e3: ("mm", "millimeter", "millimetre"),
    1e4: ("cm", "centimeter", "centimetre"),
    25400.0: ("inch", "in"),
    1e6: ("m", "meter", "metre"),
}


def micrometres(length: float, unit: str | None) -> float | None:
    """Convert a length; None when the unit is unknown or the length not positive.

    >>> micrometres(250, "nm")
    0.25
    """
    name = (unit or "").strip().casefold()
    for factor, names in _UNITS.items():
        if name in names and 0 < length < float("inf"):
            return length * factor
    return None
