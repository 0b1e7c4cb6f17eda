"""A microscope image on the disk, read region by region."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.files import naming_file

from .plane import Level, Plane, Stack
from .plane_choice import (
    STACKS,
    PlaneChoice,
    PlaneSelection,
    check_claim,
    describe_axes,
    select_plane,
)
from .stores.base import Store

__all__ = ["ImageSource"]


class ImageSource:
    """What a file holds: axes, sizes, levels, channels; `plane` and `stack` choose what to read.

    Made by `open_image`; close it, or use it as a context manager.

    Attributes
    ----------
    path : Path
    axes : str
        One letter per stored dimension, such as ``"TCZYX"`` or ``"YXS"``.
    shape : tuple of int
        Of level 0, in the order of `axes`.
    dtype : numpy.dtype
    pixel_size : tuple of float or None
        Height and width of a pixel of level 0 in um.
    z_step : float or None
        Distance of the slices of level 0 in um.
    channels : tuple of str
        Names of the channels; empty when unknown.
    alpha : bool
        Whether the last sample of a pixel is no colour.
    levels : tuple of Level
        The finest first.
    group : OmeGroup or None
        Of an image in the folder of an OME-Zarr.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self.path = path
        self.axes = store.axes
        self.dtype = store.dtype
        self.pixel_size = store.pixel_size
        self.z_step = store.z_step
        self.channels = store.channels
        self.alpha = store.alpha
        self.group = store.group
        self.shape = next(shape for shape in store.shapes if shape is not None)
        self._store = store
        self.levels = tuple(self._level(shape) for shape in store.shapes)

    def __enter__(self) -> ImageSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    def plane(self, choice: PlaneChoice | None = None) -> Plane:
        """Choose one plane, gray or of three channels, at one level.

        Raises
        ------
        InputError
            The file holds more than one and the choice does not say which; or what it says is not
            in the file, or a whole stack.
        """
        choice = choice or PlaneChoice()
        if choice.z in STACKS:
            raise InputError(f"{self.path}: {choice.z} is no plane", "give --z max or one slice")
        return Plane(self, *self._select(choice))

    def stack(self, choice: PlaneChoice | None = None) -> Stack:
        """Choose all slices at one place, gray or of three channels, at one level.

        `PlaneChoice.z` does not count. A file of one slice is a stack of one.

        Raises
        ------
        InputError
            As `plane`.
        """
        choice = replace(choice or PlaneChoice(), z="3d")
        return Stack(self, *self._select(choice))

    def _select(self, choice: PlaneChoice) -> tuple[PlaneSelection, int]:
        with naming_file(self.path):
            store = self._store
            selection = select_plane(self.axes, self.shape, choice, store.channels, store.alpha)
            level = self._choose_level(choice, selection.axes)
            if self.dtype.kind not in "buif":
                raise InputError(f"has pixels of type {self.dtype}", "save it as 8- or 16-bit")
            self._check_claim(selection, level, choice.max_pixels)
        return selection, level

    def _check_claim(self, selection: PlaneSelection, level: int, max_pixels: int | None) -> None:
        shape = [
            len(selection.taken.get(letter, range(size)))
            for letter, size in zip(selection.axes, self.level_shape(level), strict=True)
            if letter != "S"
        ]
        check_claim(
            [size for size in shape if size > 1],
            self.dtype.itemsize,
            partial(self._store.stored_bytes, level),
            max_pixels,
        )

    def missing_chunks(self, level: int, index: tuple[int | slice, ...]) -> int:
        """Count the chunks of a part that the file leaves out, which read as zero."""
        with naming_file(self.path):
            return self._store.missing_chunks(level, index)

    def level_shape(self, level: int) -> tuple[int, ...]:
        """Shape of a level, in the order of `axes`; `InputError` for one that cannot be read."""
        shape = self._store.shapes[level]
        if shape is None:
            raise InputError(f"level {level} is broken (cannot be read)", "take another --level")
        return shape

    def read(self, level: int, index: tuple[int | slice, ...]) -> np.ndarray:
        """Read one position or range of every stored dimension, in native byte order."""
        hint = "take another --level" if len(self.levels) > 1 else "copy or export it again"
        what = f"level {level} " if len(self.levels) > 1 else ""
        with naming_file(self.path, f"{what}is damaged or truncated", hint):
            pixels = self._store.read(level, index)
            shape = _shape_of(index, self.level_shape(level))
            if pixels.shape != shape:
                raise ValueError(f"{pixels.shape} pixels instead of {shape}")
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)

    def _level(self, shape: tuple[int, ...] | None) -> Level:
        if shape is None or len(shape) != len(self.axes):
            return Level(0, 0, None)
        y, x = self.axes.find("Y"), self.axes.find("X")
        if not self.pixel_size or not shape[y] or not shape[x]:
            return Level(shape[y], shape[x], None)
        down, across = self.pixel_size
        finest = self.shape
        size = (down * finest[y] / shape[y], across * finest[x] / shape[x])
        return Level(shape[y], shape[x], size)

    def _choose_level(self, choice: PlaneChoice, axes: str) -> int:
        number = choice.level or 0
        if choice.mpp is not None:
            number = self._closest(choice.mpp)
        if number >= len(self.levels):
            raise InputError(
                f"has no level {number}, but {len(self.levels)}",
                f"levels are 0 to {len(self.levels) - 1}",
            )
        shape = self._store.shapes[number]
        others = [i for i, letter in enumerate(axes) if letter not in "YX"]
        if shape is None or len(shape) != len(axes) or 0 in shape:
            broken = "cannot be read" if shape is None else describe_axes(axes, shape)
        elif any(
            shape[i] != self.shape[i]
            for i in others
            if axes[i] != "Z" or choice.z not in ("max", *STACKS)
        ):
            broken = f"{describe_axes(axes, shape)}, level 0 {describe_axes(axes, self.shape)}"
        else:
            return number
        raise InputError(f"level {number} is broken ({broken})", "take another --level")

    def _closest(self, mpp: float) -> int:
        known = {i: lv.pixel_size[0] for i, lv in enumerate(self.levels) if lv.pixel_size}
        if not known:
            raise InputError("does not say its pixel size", "use --level instead of --mpp")
        best = min(known, key=lambda i: (round(abs(math.log(known[i] / mpp)), 6), i))
        if not 0.49 < known[best] / mpp < 2.05:
            sizes = ", ".join(f"{size:.4g}" for size in known.values())
            raise InputError(f"has no level near {mpp:g} um/px", f"its levels have {sizes}")
        return best


def _shape_of(index: tuple[int | slice, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a part of an array."""
    ranges = (range(size)[part] for part, size in zip(index, shape, strict=True))
    return tuple(len(part) for part in ranges if not isinstance(part, int))
