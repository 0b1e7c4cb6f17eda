"""Thumbnails and crops: small pictures as data URIs, outlines as SVG paths over them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nucleisplit.images import Plane
from nucleisplit.labels import trace_outlines
from nucleisplit.overlay import display_levels, draw_outlines, for_display

__all__ = ["Crop", "View", "path_of", "rings_of"]

CROP_SIDE = 160
"""Side of the picture in a crop, pixels; larger places are shown smaller."""
SMALLEST_SIDE = 48
"""Side of the smallest place that is shown, pixels of the image."""
STRIP = 4_000_000
"""Pixels read at a time from a large image."""


@dataclass(frozen=True)
class Crop:
    """A square of an image around one nucleus or a few, with outlines drawn over it."""

    picture: str
    """Data URI."""
    width: int
    """Pixels of the image; the paths count in them."""
    height: int
    kept: str
    """SVG path of the outlines that were found."""
    other: str
    """SVG path of what they are compared with."""
    around: str
    """SVG path of the neighbours."""


class View:
    """One image of a run and its labels, read in parts.

    Parameters
    ----------
    image : Plane, optional
        Without it pictures are black.
    labels : Plane
    """

    def __init__(self, image: Plane | None, labels: Plane) -> None:
        self.shape = labels.shape[:2]
        self._image = image
        self._labels = labels
        self._levels: tuple[float, float] | None = None

    def thumbnail(self, side: int, predicted_iou: np.ndarray, quality: int = 72) -> str:
        """Draw the image with outlines, its longer side `side` pixels, as a data URI.

        Parameters
        ----------
        side : int
        predicted_iou : (n,) ndarray
            By label.
        quality : int
            Of the WebP encoding.
        """
        step = max(1, max(self.shape) // (2 * side))
        middle = slice(step // 2, None, step)
        labels = self._shrunk(self._labels, step, lambda block: block[middle, middle])
        size = _fitting(self.shape, side)
        small = Image.fromarray(self._picture(step)).resize(size, Image.Resampling.BOX)
        chosen = [_centres(n, length) for n, length in zip(labels.shape, size[::-1], strict=True)]
        picture = np.array(small)
        labels = labels[np.ix_(*chosen)]
        unknown = max(0, int(labels.max(initial=0)) - len(predicted_iou))
        draw_outlines(picture, labels, np.pad(predicted_iou, (0, unknown), constant_values=0.0))
        return _data_uri(picture, quality)

    def crop(
        self,
        box: tuple[int, int, int, int],
        kept: Iterable[int],
        others: Sequence[np.ndarray],
    ) -> Crop:
        """Cut out the square around a box.

        Parameters
        ----------
        box : (int, int, int, int)
            First row and column, one past the last row and column.
        kept : iterable of int
            The labels whose outlines are those that were found.
        others : sequence of (k, 2) ndarray
            Rings of x, y in pixels of the image, to compare them with.
        """
        rows, columns = _window(box, self.shape)
        labels = self._labels.read(rows, columns)
        marked = np.isin(labels, list(kept))
        inside = (
            np.zeros_like(labels) if self._image is None else self._read(self._image, rows, columns)
        )
        picture = Image.fromarray(for_display(inside, self._known_levels()))
        picture.thumbnail((CROP_SIDE, CROP_SIDE), Image.Resampling.BOX)
        origin = (columns.start, rows.start)
        return Crop(
            picture=_data_uri(np.asarray(picture), 80),
            width=columns.stop - columns.start,
            height=rows.stop - rows.start,
            kept=path_of(rings_of(np.where(marked, labels, 0))),
            other=path_of(np.asarray(ring) - origin for ring in others),
            around=path_of(rings_of(np.where(marked, 0, labels))),
        )

    def _read(self, image: Plane, rows: slice, columns: slice) -> np.ndarray:
        pixels = image.read(rows, columns)
        return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels

    def _known_levels(self) -> tuple[float, float]:
        if self._levels is None:
            self._picture(max(1, max(self.shape) // 640))
        return self._levels or (0.0, 1.0)

    def _picture(self, step: int) -> np.ndarray:
        """The whole image, every so many pixels averaged into one, ready to be shown."""
        if self._image is None:
            self._levels = (0.0, 1.0)
            return np.zeros((*(-(-n // step) for n in self.shape), 3), np.uint8)
        pixels = self._shrunk(self._image, step, lambda block: _averaged(block, step))
        pixels = pixels * np.float32(255) if self._image.dtype == bool else pixels
        self._levels = display_levels(pixels)
        return for_display(pixels, self._levels)

    def _shrunk(self, plane: Plane, step: int, pick: Callable) -> np.ndarray:
        height, width = self.shape
        strip = max(1, STRIP // (width * step)) * step
        parts = []
        for top in range(0, height, strip):
            block = plane.read(slice(top, min(top + strip, height)))
            filled = [(0, -n % step) for n in block.shape[:2]] + [(0, 0)] * (block.ndim - 2)
            parts.append(pick(np.pad(block, filled, mode="edge")))
        return np.concatenate(parts)


def rings_of(labels: np.ndarray) -> list[np.ndarray]:
    """List the rings of all nuclei of a label image, (k, 2) of x, y each."""
    return [ring for pieces in trace_outlines(labels).pieces for piece in pieces for ring in piece]


def path_of(rings: Iterable[np.ndarray]) -> str:
    """Write rings as an SVG path.

    >>> path_of([np.array([[1, 0], [3, 0], [3, 1], [1, 1]])])
    'M1 0h2v1h-2z'
    """
    parts = []
    for ring in rings:
        parts.append(f"M{ring[0][0]} {ring[0][1]}")
        for dx, dy in np.diff(ring, axis=0).tolist():
            parts.append(f"h{dx}" if dy == 0 else f"v{dy}" if dx == 0 else f"l{dx} {dy}")
        parts.append("z")
    return "".join(parts)


def _window(box: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[slice, slice]:
    """A square around a box with room on all sides, moved into the image, cut off where larger."""
    top, left, bottom, right = box
    side = max(SMALLEST_SIDE, round(1.7 * max(bottom - top, right - left)))
    window = []
    for first, last, size in ((top, bottom, shape[0]), (left, right, shape[1])):
        start = min(max((first + last - side) // 2, 0), max(size - side, 0))
        window.append(slice(start, min(start + side, size)))
    return window[0], window[1]


def _fitting(shape: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of a picture of an image; small images are not enlarged."""
    factor = min(1.0, side / max(shape))
    return max(1, round(shape[1] * factor)), max(1, round(shape[0] * factor))


def _centres(n: int, length: int) -> np.ndarray:
    return np.minimum(((np.arange(length) + 0.5) * n / length).astype(int), n - 1)


def _averaged(block: np.ndarray, step: int) -> np.ndarray:
    height, width = (n // step for n in block.shape[:2])
    tiles = block.reshape(height, step, width, step, *block.shape[2:])
    return tiles.mean(axis=(1, 3), dtype=np.float32)


def _data_uri(picture: np.ndarray, quality: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
