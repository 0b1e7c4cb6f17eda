"""The pixels of a label image, nucleus by nucleus: what all measurements start from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np

__all__ = ["Regions"]


@dataclass(frozen=True, eq=False)
class Regions:
    """The nuclei of a label image, by ascending label."""

    ids: np.ndarray
    """(n,) int64: their labels."""
    labels: np.ndarray
    """(H, W) int32: the label image, numbered anew from 1 to n."""
    area: np.ndarray
    """(n,) int64: pixels."""
    box: np.ndarray
    """(4, n) int64: first row and column, and one past the last."""
    places: np.ndarray
    """(p,) int64: positions in the flattened image of all pixels of the first nucleus, in raster
    order, then of the second, and so on."""

    @classmethod
    def of(cls, labels: np.ndarray) -> Regions:
        """List the nuclei of an (H, W) integer array; 0 = background.

        Examples
        --------
        >>> regions = Regions.of(np.array([[7, 0, 7], [0, 4, 7]]))
        >>> regions.ids.tolist(), regions.area.tolist(), regions.places.tolist()
        ([4, 7], [1, 3], [4, 0, 2, 5])
        """
        ids, labels = _numbered(labels)
        area, box, places = _collect(labels, ids.size)
        return cls(ids, labels, area, box, places)

    def __len__(self) -> int:
        return self.ids.size

    @cached_property
    def start(self) -> np.ndarray:
        """(n + 1,) int64: where the pixels of each nucleus begin in `places`."""
        return np.concatenate([[0], np.cumsum(self.area)])

    @cached_property
    def moments(self) -> np.ndarray:
        """(5, n) float64: mean row and column, and the central second moments per pixel: down,
        across, and of both.

        Sums are of whole numbers counted from a corner of the nucleus, so symmetric nuclei have
        symmetric moments wherever they lie.
        """
        n = self.area.astype(float)
        sums = _sums(self.places, self.start, self.box, self.labels.shape[1])
        row, col, rows, cols, both = sums.astype(float)
        return np.stack(
            [
                self.box[0] + row / n,
                self.box[1] + col / n,
                (n * rows - row * row) / n**2,
                (n * cols - col * col) / n**2,
                (n * both - row * col) / n**2,
            ]
        )

    def pick(self, image: np.ndarray) -> np.ndarray:
        """Return the values of an (H, W) or (H, W, C) image at `places`, (p,) or (p, C)."""
        return image.reshape(self.labels.size, *image.shape[2:])[self.places]


def _numbered(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that occur, ascending, and the image with 1..n in their place."""
    largest = int(labels.max(initial=0))
    if largest > 4 * labels.size + 1000:  # few and huge: no room for a table
        ids, index = np.unique(labels, return_inverse=True)
        first = 1 - np.count_nonzero(ids == 0)
        return ids[ids > 0].astype(np.int64), (index.reshape(labels.shape) + first).astype(np.int32)
    labels = np.ascontiguousarray(labels, np.int32)
    seen = _seen(labels, largest)
    ids = np.flatnonzero(seen)
    if ids.size < largest:
        labels = np.cumsum(seen, dtype=np.int32)[labels]
    return ids, labels


@numba.njit(cache=True)
def _seen(labels, largest):  # pragma: no cover - compiled
    seen = np.zeros(largest + 1, np.bool_)
    for label in labels.ravel():
        seen[label] = True
    seen[0] = False
    return seen


@numba.njit(cache=True)
def _collect(labels, n):  # pragma: no cover - compiled
    """Return areas, boxes and places."""
    height, width = labels.shape
    area = np.zeros(n, np.int64)
    box = np.zeros((4, n), np.int64)
    for y in range(height):
        for x in range(width):
            k = labels[y, x] - 1
            if k < 0:
                continue
            if area[k] == 0:
                box[0, k], box[1, k], box[3, k] = y, x, x + 1
            area[k] += 1
            box[1, k] = min(box[1, k], x)
            box[2, k] = y + 1
            box[3, k] = max(box[3, k], x + 1)
    free = np.zeros(n, np.int64)
    free[1:] = np.cumsum(area)[:-1]
    places = np.empty(area.sum(), np.int64)
    for y in range(height):
        for x in range(width):
            k = labels[y, x] - 1
            if k >= 0:
                places[free[k]] = y * width + x
                free[k] += 1
    return area, box, places


@numba.njit(cache=True)
def _sums(places, start, box, width):  # pragma: no cover - compiled
    sums = np.zeros((5, start.size - 1), np.int64)
    for k in range(start.size - 1):
        row = col = rows = cols = both = 0
        for i in range(start[k], start[k + 1]):
            y = places[i] // width
            x = places[i] - y * width - box[1, k]
            y -= box[0, k]
            row += y
            col += x
            rows += y * y
            cols += x * x
            both += y * x
        sums[0, k], sums[1, k], sums[2, k], sums[3, k], sums[4, k] = row, col, rows, cols, both
    return sums
