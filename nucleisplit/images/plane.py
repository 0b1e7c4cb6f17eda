"""One plane of an image, or all the slices of a stack, read region by region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from nucleisplit.errors import InputError

from .plane_choice import PlaneSelection
from .stores.base import OmeGroup

__all__ = ["Level", "Pixels", "Plane", "Stack", "as_real"]


@dataclass(frozen=True)
class Level:
    """One level of a pyramid."""

    height: int
    """Rows; 0 for a level that cannot be read."""
    width: int
    """Columns; 0 for a level that cannot be read."""
    pixel_size: tuple[float, float] | None
    """Height and width of a pixel in um, where the file says so."""


class Pixels(Protocol):
    """What planes and stacks need of an `ImageSource`."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    z_step: float | None
    channels: tuple[str, ...]
    alpha: bool
    levels: tuple[Level, ...]
    axes: str
    group: OmeGroup | None

    def level_shape(self, level: int) -> tuple[int, ...]: ...

    def missing_chunks(self, level: int, index: tuple[int | slice, ...]) -> int: ...

    def read(self, level: int, index: tuple[int | slice, ...]) -> np.ndarray: ...


class Plane:
    """One plane of an `ImageSource`; nothing is read before `read`.

    Attributes
    ----------
    shape : tuple of int
        (H, W), or (H, W, C).
    dtype : numpy.dtype
    level : int
    pixel_size : tuple of float or None
        Height and width of a pixel in um.
    """

    def __init__(self, source: Pixels, selection: PlaneSelection, level: int) -> None:
        chosen = source.levels[level]
        self.source = source
        self.selection = selection
        self.level = level
        self.dtype = source.dtype.newbyteorder("=")
        self.pixel_size = chosen.pixel_size
        stored = dict(zip(selection.axes, source.level_shape(level), strict=True))
        size = stored["Y"], stored["X"]  # by the names that were chosen
        self.shape = size if selection.channels == 1 else (*size, selection.channels)

    def all_channels(self) -> Plane:
        """Return every channel of the file at the same place: its shape is (H, W, C).

        A single channel is (H, W), a colour image keeps its three.

        Raises
        ------
        InputError
            Every channel is a colour image.
        """
        source, taken = self.source, dict(self.selection.taken)
        sizes = dict(zip(self.selection.axes, source.shape, strict=True))
        for letter in "CS":
            if letter in taken:
                taken[letter] = tuple(range(sizes[letter]))
        if source.alpha and "S" in taken:
            taken["S"] = taken["S"][:-1]
        if min(len(taken.get(letter, (0,))) for letter in "CS") > 1:
            raise InputError(
                f"{source.path}: has colours in every channel", "leave out --measure-channels"
            )
        return Plane(source, PlaneSelection(self.selection.axes, taken), self.level)

    def read(self, rows: slice | None = None, columns: slice | None = None) -> np.ndarray:
        """Read a region: only the tiles and chunks that it touches are decoded.

        Parameters
        ----------
        rows, columns : slice, optional
            Without a step, within the image; all by default.

        Returns
        -------
        ndarray, shape (h, w) or (h, w, C)

        Raises
        ------
        InputError
            The file is damaged there, or holds NaN or infinity.
        ValueError
            The region is not within the image.
        """
        region = {"Y": _range(rows, self.shape[0]), "X": _range(columns, self.shape[1])}
        first, *others = self._slices()
        result = self._read_slice(region, first)
        for z in others:
            result = np.maximum(result, self._read_slice(region, z))
        if result.dtype.kind == "f":
            bad = result.size - int(np.isfinite(result).sum())
            if bad:
                raise InputError(
                    f"{self.source.path}: holds {bad} NaN or infinite values",
                    "replace them by numbers",
                )
        return np.ascontiguousarray(result)

    def _read_slice(self, region: dict[str, slice], z: int) -> np.ndarray:
        taken = self.selection.taken.get("C", (0,))
        channels = [self._read_one(region, {"Z": z, "C": c}) for c in taken]
        return channels[0] if len(channels) == 1 else np.stack(channels, axis=-1)

    def missing_chunks(self) -> int:
        """Count the chunks of the plane that the file leaves out, which read as zero."""
        whole = {"Y": slice(0, self.shape[0]), "X": slice(0, self.shape[1])}
        return sum(
            self.source.missing_chunks(self.level, self._index(whole, {"Z": z, "C": c}))
            for z in self._slices()
            for c in self.selection.taken.get("C", (0,))
        )

    def _slices(self) -> Sequence[int]:
        axes, slices = self.selection.axes, self.selection.taken.get("Z", (0,))
        if len(slices) == 1:
            return slices
        # all there are: a coarser level may have fewer
        return range(self.source.level_shape(self.level)[axes.index("Z")])

    def _index(self, region: dict[str, slice], place: dict[str, int]) -> tuple[int | slice, ...]:
        """Where one channel of one slice is in the file, or all its samples that are read."""
        taken = self.selection.taken
        return tuple(
            region[letter]
            if letter in region
            else slice(min(taken["S"]), max(taken["S"]) + 1)
            if letter == "S"
            else place.get(letter, taken.get(letter, (0,))[0])
            for letter in self.selection.axes
        )

    def _read_one(self, region: dict[str, slice], place: dict[str, int]) -> np.ndarray:
        """Read one channel, or the samples of one colour image, rows and columns first."""
        pixels = self.source.read(self.level, self._index(region, place))
        left = [letter for letter in self.selection.axes if letter in "YXS"]
        pixels = pixels.transpose([left.index(letter) for letter in "YXS" if letter in left])
        samples = self.selection.taken["S"] if "S" in left else None
        if samples is None:
            return pixels
        picked = [sample - min(samples) for sample in samples]
        return pixels[..., picked[0]] if len(picked) == 1 else pixels[..., picked]


class Stack:
    """The slices of an `ImageSource`, each read by itself.

    Attributes
    ----------
    planes : tuple of Plane
        From the first slice to the last.
    shape : tuple of int
        (Z, H, W), or (Z, H, W, 3).
    dtype : numpy.dtype
    voxel_size : tuple of float or None
        Distance of the slices, height and width of a pixel in um.
    """

    def __init__(self, source: Pixels, selection: PlaneSelection, level: int) -> None:
        axes, z_step = selection.axes, source.z_step
        count = source.level_shape(level)[axes.index("Z")] if "Z" in axes else 1
        places = [{"Z": (z,)} if "Z" in axes else {} for z in range(count)]
        self.planes = tuple(
            Plane(source, PlaneSelection(axes, selection.taken | place), level) for place in places
        )
        first = self.planes[0]
        self.source, self.level, self.dtype = source, level, first.dtype
        self.shape = (count, *first.shape)
        self.voxel_size = None
        if z_step and first.pixel_size and "Z" in axes:
            coarser = source.shape[axes.index("Z")] / count
            self.voxel_size = (z_step * coarser, *first.pixel_size)

    def read(self) -> np.ndarray:
        """Read all slices, one after the other.

        Raises
        ------
        InputError
            The file is damaged, holds NaN or infinity, or does not fit into memory.
        """
        try:
            pixels = np.empty(self.shape, self.dtype)
        except MemoryError:
            raise InputError(
                f"{self.source.path}: does not fit into memory", "take a coarser --level"
            ) from None
        for slice_, plane in zip(pixels, self.planes, strict=True):
            slice_[...] = plane.read()
        return pixels


def as_real(pixels: np.ndarray) -> np.ndarray:
    """Convert to float32, or to float64 where that would round.

    >>> [as_real(np.zeros(1, kind)).dtype.name for kind in ("uint8", "uint16", "int32")]
    ['float32', 'float32', 'float64']
    """
    return pixels.astype(np.result_type(pixels, np.float32))


def _range(part: slice | None, size: int) -> slice:
    part = part or slice(0, size)
    start, stop = part.start or 0, size if part.stop is None else part.stop
    if part.step not in (None, 1) or not 0 <= start < stop <= size:
        raise ValueError(f"region {part} is not within 0 to {size}")
    return slice(start, stop)
