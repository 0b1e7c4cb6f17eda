"""Convex areas of many regions at once, in exact integer arithmetic."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["hull_areas"]


def hull_areas(
    rows: np.ndarray, cols: np.ndarray, index: np.ndarray, box: np.ndarray
) -> np.ndarray:
    """Count the pixels whose centre lies in the convex hull of each region, its border included.

    The hull is that of the middles of all pixel edges, as in
    `skimage.morphology.convex_hull_image`. On a grid of half pixels these are integers, so the
    extent of the hull in a row follows from Andrew's monotone chain without rounding.

    Parameters
    ----------
    rows, cols, index : (p,) int ndarray
        Place and region (0..n - 1) of every foreground pixel, in raster order.
    box : (4, n) int ndarray
        First row and column, and one past the last, of every region.

    Returns
    -------
    (n,) int64 ndarray

    Examples
    --------
    >>> rows, cols = np.nonzero(np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]]))
    >>> hull_areas(rows, cols, np.zeros(5, int), np.array([[0], [0], [3], [3]])).tolist()
    [6]
    """
    height = box[2] - box[0]
    start = np.concatenate([[0], np.cumsum(height)])
    line = start[index] + rows - box[0, index]
    left = np.full(start[-1], np.iinfo(np.int32).max, np.int64)
    right = np.full(start[-1], -1, np.int64)
    left[line[::-1]] = cols[::-1]  # of several values for one entry numpy keeps the last
    right[line] = cols
    return _count(left, right, start)


@numba.njit(cache=True)
def _count(left, right, start):  # pragma: no cover - compiled
    areas = np.zeros(start.size - 1, np.int64)
    for region in range(areas.size):
        first, stop = start[region], start[region + 1]
        low = _chain_limits(left[first:stop], right[first:stop])
        high = _chain_limits(-right[first:stop], -left[first:stop])
        for row in range(stop - first):
            areas[region] += -high[row] - low[row] + 1
    return areas


@numba.njit(cache=True)
def _chain_limits(left, right):  # pragma: no cover - compiled
    """Return the first column inside the hull for every row of one region.

    In half pixels, row r offers the points (2r, 2 left - 1), (2r - 1, 2 left), (2r + 1, 2 left).
    Rows without a pixel (``left > right``) offer none.
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
    limits = np.empty(n, np.int64)
    k = 0
    for row in range(n):
        while y[k + 1] < 2 * row:
            k += 1
        dy = y[k + 1] - y[k]
        over = x[k] * dy + (2 * row - y[k]) * (x[k + 1] - x[k])  # x on the hull, times dy
        limits[row] = -((-over) // (2 * dy))  # rounded up to a whole column
    return limits
