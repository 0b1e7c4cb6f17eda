"""Size and shape of every nucleus, in pixels."""

from __future__ import annotations

import numba
import numpy as np

from .hull import measure_hulls
from .regions import Regions

__all__ = ["measure_shapes"]

# What a rim pixel adds to the perimeter, by the sum over its rim neighbours: 1 itself, 2 for each
# at an edge, 10 at a corner. Straight, diagonal, and between the two (Benkrid and Crookes).
_RIM_LENGTH = np.zeros(50)
_RIM_LENGTH[[5, 7, 15, 17, 25, 27]] = 1
_RIM_LENGTH[[21, 33]] = np.sqrt(2)
_RIM_LENGTH[[13, 23]] = (1 + np.sqrt(2)) / 2


def measure_shapes(regions: Regions) -> dict[str, np.ndarray]:
    """Return the columns of the group ``shape``; see `GROUPS` for their names."""
    area, box = regions.area, regions.box
    height, width = box[2] - box[0], box[3] - box[1]
    perimeter = _perimeters(regions.labels, len(regions), _RIM_LENGTH)
    start = np.concatenate([[0], np.cumsum(height)])
    left, right = _row_ends(regions.labels, box[0], start)
    convex, diameter = measure_hulls(left, right, start)
    round_area = perimeter**2 / (4 * np.pi)
    return {
        "perimeter": perimeter,
        **_axes(*regions.moments[2:]),
        "equivalent_diameter_area": np.sqrt(4 * area / np.pi),
        "feret_diameter_max": diameter,
        "extent": area / (height * width),
        "solidity": area / convex,
        "circularity": np.divide(
            area, round_area, out=np.full(area.size, np.nan), where=round_area > 0
        ),
    }


def _axes(rr: np.ndarray, cc: np.ndarray, rc: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is known of the ellipse with these second moments."""
    half = (rr + cc) / 2
    root = np.hypot((rr - cc) / 2, rc)
    large, small = half + root, np.maximum(half - root, 0)
    flat = np.divide(small, large, out=np.ones_like(large), where=large > 0)
    return {
        "axis_major_length": 4 * np.sqrt(large),
        "axis_minor_length": 4 * np.sqrt(small),
        "eccentricity": np.sqrt(1 - flat),
        "orientation": np.where(root > 0, np.arctan2(2 * rc, rr - cc) / 2, -np.pi / 4),
    }


@numba.njit(cache=True)
def _row_ends(labels, top, start):  # pragma: no cover - compiled
    """Return the first and the last column of every row of every nucleus."""
    left = np.full(start[-1], np.iinfo(np.int32).max, np.int64)
    right = np.full(start[-1], -1, np.int64)
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            k = labels[y, x] - 1
            if k >= 0:
                line = start[k] + y - top[k]
                left[line] = min(left[line], x)
                right[line] = x
    return left, right


@numba.njit(cache=True)
def _perimeters(labels, n, lengths):  # pragma: no cover - compiled
    """Sum up the rim: pixels with another label, or the edge of the image, at one of four sides."""
    height, width = labels.shape
    rim = np.zeros((height + 2, width + 2), np.int32)  # the label on rim pixels, else 0
    for y in range(height):
        for x in range(width):
            own = labels[y, x]
            if own and not (
                0 < y < height - 1
                and 0 < x < width - 1
                and labels[y - 1, x] == own
                and labels[y + 1, x] == own
                and labels[y, x - 1] == own
                and labels[y, x + 1] == own
            ):
                rim[y + 1, x + 1] = own
    perimeters = np.zeros(n)
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            own = rim[y, x]
            if own:
                kind = 1
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        if (dy or dx) and rim[y + dy, x + dx] == own:
                            kind += 10 if dy and dx else 2
                perimeters[own - 1] += lengths[kind]
    return perimeters
