"""Pyramids of OME-Zarr, written from top to bottom, never whole in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ome_zarr_groups
from .ome_zarr_groups import OLD

__all__ = ["Level", "MeanLevel", "Pyramid", "halved", "multiscale", "pyramid_shapes"]


def pyramid_shapes(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Heights and widths of the levels, down to the first that fits into one chunk.

    >>> pyramid_shapes((3000, 1025))
    [(3000, 1025), (1500, 513), (750, 257)]
    """
    shapes = [(int(shape[0]), int(shape[1]))]
    while max(shapes[-1]) > ome_zarr_groups.CHUNK:
        height, width = shapes[-1]
        shapes.append((-(-height // 2), -(-width // 2)))
    return shapes


def halved(shape: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """By level of `pyramid_shapes`, the rows and columns that it has of the finest: every second,
    fourth, ..., so that labels are never mixed."""
    return [
        (np.arange(height) * 2**number, np.arange(width) * 2**number)
        for number, (height, width) in enumerate(pyramid_shapes(shape))
    ]


def multiscale(
    version: str, name: str, axes: list[dict], changes: Sequence[list[dict]], **more: Any
) -> dict:
    """Describe a pyramid whose levels are called 0, 1, ..., by axes and transformations."""
    return {
        **({"version": version} if version == OLD else {}),
        "name": name,
        "axes": axes,
        "datasets": [
            {"path": str(number), "coordinateTransformations": change}
            for number, change in enumerate(changes)
        ],
        "type": "nearest",
        **more,
    }


class Level:
    """One level: keeps its rows until they fill chunks.

    Parameters
    ----------
    array : zarr.Array
        Its last dimensions are rows and columns.
    rows, columns : (n,) int ndarray
        Which of the finest it takes, ascending.
    place : tuple of (int or slice)
        Where it is along the other dimensions.
    """

    def __init__(
        self, array, rows: np.ndarray, columns: np.ndarray, place: tuple[int | slice, ...] = ()
    ) -> None:
        self._array, self._place = array, place
        self._rows, self._columns = rows, columns
        self._done = 0
        self._waiting: np.ndarray | None = None

    def add(self, top: int, band: np.ndarray) -> None:
        """Take what it needs of a band of the finest that begins at a row."""
        first, last = np.searchsorted(self._rows, [top, top + band.shape[-2]])
        chunk = ome_zarr_groups.CHUNK
        for start in range(first, last, chunk):  # of a level above the finest there are many
            picked = self._rows[start : min(start + chunk, last)] - top
            self._take(band[..., _even(picked), :][..., _even(self._columns)])

    def _take(self, rows: np.ndarray) -> None:
        if self._waiting is not None:
            rows = np.concatenate([self._waiting, rows], axis=-2)
        chunk = ome_zarr_groups.CHUNK
        ready = rows.shape[-2]
        if self._done + ready < len(self._rows):
            ready -= ready % chunk
        if ready:
            part = slice(self._done, self._done + ready)
            self._array[(*self._place, part, slice(None))] = rows[..., :ready, :]
            self._done += ready
        self._waiting = rows[..., ready:, :] if ready < rows.shape[-2] else None


class MeanLevel(Level):
    """A level of an image: each pixel is the mean of those from it to the next in the finest.

    Bands have to begin at one of its rows.
    """

    def add(self, top: int, band: np.ndarray) -> None:
        height, width = band.shape[-2:]
        first, last = np.searchsorted(self._rows, [top, top + height])
        rows = self._rows[first:last] - top
        if len(rows) == height:
            return self._take(band)
        sums = np.add.reduceat(band, rows, axis=-2, dtype=np.float32)
        sums = np.add.reduceat(sums, self._columns, axis=-1)
        sums /= np.diff(rows, append=height)[:, None] * np.diff(self._columns, append=width)
        self._take((sums if band.dtype.kind == "f" else np.rint(sums)).astype(band.dtype))


def _even(index: np.ndarray) -> slice | np.ndarray:
    """The same as a slice, where it is one, which copies nothing."""
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    if step > 0 and (np.diff(index) == step).all():
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index


class Pyramid:
    """All levels of an image, filled by bands of the finest, (..., h, W), from top to bottom.

    Less than `CHUNK` rows of each level are kept in memory; the bands may not be changed
    afterwards.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        self.levels = levels
        self._row = 0

    def add(self, band: np.ndarray) -> None:
        """Write the next rows."""
        for level in self.levels:
            level.add(self._row, band)
        self._row += band.shape[-2]
