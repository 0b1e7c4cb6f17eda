"""The part of a plane that is to be segmented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.labels import fill_outlines

__all__ = ["Region", "in_image", "place_in_image", "region_of", "whole"]

PLACE = "nucleisplit"
"""The entry of a layer's metadata that says which part of an image it shows."""
_MOST = 2**28
"""Pixels of the largest image whose outlines are drawn at once."""

_EMPTY = ("the shape holds no pixel of the image", "draw a larger one, on the image")


@dataclass(frozen=True, eq=False)
class Region:
    """A box of a plane, and where it was drawn as a polygon, what of it lies inside."""

    rows: slice
    columns: slice
    inside: np.ndarray | None = None
    """(h, w) bool; None where all of the box counts."""

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def whole(shape: tuple[int, int]) -> Region:
    """All of a plane of that many rows and columns."""
    return Region(slice(0, shape[0]), slice(0, shape[1]))


def place_in_image(region: Region, shape: tuple[int, int]) -> dict[str, Any]:
    """Say where a region lies in an image of that many rows and columns, as metadata of a layer.

    >>> place_in_image(Region(slice(2, 6), slice(1, 8)), (20, 10))
    {'nucleisplit': {'corner': (2, 1), 'shape': (20, 10)}}
    """
    corner = (region.rows.start, region.columns.start)
    return {PLACE: {"corner": corner, "shape": (int(shape[0]), int(shape[1]))}}


def in_image(labels: np.ndarray, metadata: dict[str, Any]) -> np.ndarray:
    """Return the labels of a whole image, where the metadata of `place_in_image` say what part.

    Parameters
    ----------
    labels : (h, w) integer ndarray
    metadata : dict
        Of the layer; without that entry the labels are those of a whole image.

    Raises
    ------
    InputError
        The image is too large to be held.
    """
    place = metadata.get(PLACE)
    if not place or tuple(place["shape"]) == labels.shape:
        return labels
    (top, left), (height, width) = place["corner"], place["shape"]
    if height * width > _MOST:
        raise InputError(
            f"a region of an image of {height}x{width} pixels cannot be saved as outlines",
            "segment the whole image with: nucleisplit infer --write ome-zarr",
        )
    whole_image = np.zeros((height, width), labels.dtype)
    whole_image[top : top + labels.shape[0], left : left + labels.shape[1]] = labels
    return whole_image


def region_of(vertices: np.ndarray, shape: tuple[int, int]) -> Region:
    """Turn a shape drawn on a plane into a region; a pixel is in it when its centre is.

    Parameters
    ----------
    vertices : (n, 2) ndarray
        Row and column of each corner; pixel (0, 0) has its centre at 0, 0. Four corners of an
        upright rectangle are a box, all else is a polygon.
    shape : (int, int)
        Rows and columns of the plane; what lies beyond is cut off.

    Raises
    ------
    InputError
        Fewer than three corners, or no pixel of the plane lies inside.

    Examples
    --------
    >>> region = region_of(np.array([[2, 1], [2, 9], [5.4, 9], [5.4, 1]]), shape=(20, 8))
    >>> region.rows, region.columns, region.inside
    (slice(2, 6, None), slice(1, 8, None), None)
    """
    vertices = np.asarray(vertices, float)
    if len(vertices) < 3:
        raise InputError("the shape is a line", "draw a rectangle or a polygon")
    low = np.clip(np.ceil(vertices.min(axis=0) - 1e-6), 0, shape).astype(int)
    high = np.clip(np.floor(vertices.max(axis=0) + 1e-6) + 1, 0, shape).astype(int)
    if (high <= low).any():
        raise InputError(*_EMPTY)
    rows, columns = slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
    if _is_upright(vertices):
        return Region(rows, columns)
    ring = (vertices - low + 0.5)[:, ::-1]  # as x, y of the edges between pixels
    size = (rows.stop - rows.start, columns.stop - columns.start)
    inside = fill_outlines(size, [[ring]], np.array([1])) > 0
    if not inside.any():
        raise InputError(*_EMPTY)
    return Region(rows, columns, inside)


def _is_upright(vertices: np.ndarray) -> bool:
    """Whether these are the corners of a rectangle whose sides are rows and columns."""
    if len(vertices) != 4:
        return False
    sides = np.roll(vertices, -1, axis=0) - vertices
    along = np.abs(sides) > 1e-6 * np.abs(sides).max()
    return bool((along.sum(axis=1) == 1).all() and (along[0] != along[1]).any())
