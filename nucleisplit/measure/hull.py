"""Convex hulls of many regions at once, in exact integer arithmetic."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["measure_hulls"]


def measure_hulls(
    left: np.ndarray, right: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the convex hull of each region.

    The hull is that of the middles of all pixel edges, as in
    `skimage.morphology.convex_hull_image`. On a grid of half pixels these are integers, so the
    extent of the hull in a row follows from Andrew's monotone chain without rounding. The diameter
    is taken between the edges of the pixels whose centre lies in that hull, as in
    `skimage.measure.regionprops`.

    Parameters
    ----------
    left, right : (m,) int64 ndarray
        First and last column of the region in each of its rows, region after region; a row between
        two others may be without pixels (``left > right``).
    start : (n + 1,) int64 ndarray
        Where the rows of each region begin.

    Returns
    -------
    areas : (n,) int64 ndarray
        Pixels whose centre lies in the hull, its border included.
    diameters : (n,) float64 ndarray
        Largest distance between two of the edges of these pixels.

    Examples
    --------
    >>> areas, diameters = measure_hulls(np.array([0, 0, 0]), np.array([0, 0, 2]), np.array([0, 3]))
    >>> areas.tolist(), (diameters**2).tolist()
    ([6], [13.0])
    """
    areas, squares = _measure(left, right, start)
    return areas, np.sqrt(squares) / 2


@numba.njit(cache=True)
def _measure(left, right, start):  # pragma: no cover - compiled
    """Return areas, and squares of the diameters in half pixels."""
    areas = np.zeros(start.size - 1, np.int64)
    squares = np.zeros(start.size - 1, np.int64)
    for region in range(areas.size):
        first, stop = start[region], start[region + 1]
        low = _limits(left[first:stop], right[first:stop])
        high = -_limits(-right[first:stop], -left[first:stop])
        areas[region] = (high - low + 1).sum()
        y, x = _chain(low, high)
        other_y, other_x = _chain(-high, -low)
        squares[region] = max(
            _farthest(y, x, other_y, -other_x),
            _farthest(y, x, y, x),
            _farthest(other_y, other_x, other_y, other_x),
        )
    return areas, squares


@numba.njit(cache=True)
def _chain(left, right):  # pragma: no cover - compiled
    """Return the corners of the left side of the hull of one region, in half pixels, downwards.

    Row r offers the points (2r, 2 left - 1), (2r - 1, 2 left), (2r + 1, 2 left); a row without a
    pixel offers none.
    """
    n = left.size
    y = np.empty(3 * n, np.int64)
    x = np.empty(3 * n, np.int64)
    size = 0
    for row in range(n):
        if left[row] > right[row]:
            continue
        for step in range(-1, 2):
            py = 2 * row + step
            px = 2 * left[row] - (1 if step == 0 else 0)
            if size and y[size - 1] == py:
                if x[size - 1] <= px:
                    continue
                size -= 1
            while size >= 2 and (x[size - 1] - x[size - 2]) * (py - y[size - 2]) >= (
                px - x[size - 2]
            ) * (y[size - 1] - y[size - 2]):
                size -= 1
            y[size] = py
            x[size] = px
            size += 1
    return y[:size], x[:size]


@numba.njit(cache=True)
def _limits(left, right):  # pragma: no cover - compiled
    """Return the first column inside the hull for every row of one region."""
    y, x = _chain(left, right)
    limits = np.empty(left.size, np.int64)
    k = 0
    for row in range(left.size):
        while y[k + 1] < 2 * row:
            k += 1
        dy = y[k + 1] - y[k]
        over = x[k] * dy + (2 * row - y[k]) * (x[k + 1] - x[k])  # x on the hull, times dy
        limits[row] = -((-over) // (2 * dy))  # rounded up to a whole column
    return limits


@numba.njit(cache=True)
def _farthest(y, x, other_y, other_x):  # pragma: no cover - compiled
    """Return the largest squared distance of a point of one list to a point of the other."""
    largest = 0
    for i in range(y.size):
        for j in range(other_y.size):
            dy, dx = y[i] - other_y[j], x[i] - other_x[j]
            largest = max(largest, dy * dy + dx * dx)
    return largest
