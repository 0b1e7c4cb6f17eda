"""Convex hulls of every node at every step, each built from the hulls of its parts.

A leaf's hull needs only the first and last pixel of each of its rows; a union's hull only the
corners of its parts' hulls. The convex area counts the pixels whose centres lie in the hull of
the pixel centres, exactly, by Pick's theorem.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.hierarchy import Hierarchy


def convex_hulls(
    basin: np.ndarray, extent: np.ndarray, tree: Hierarchy, n_steps: int, max_leaves: int
) -> np.ndarray:
    """Measure the convex hull of the nodes of at most ``max_leaves`` leaves.

    Parameters
    ----------
    basin, extent : (H, W) int32, uint8
        From `grow_basins`.
    tree : Hierarchy
    n_steps : int
    max_leaves : int

    Returns
    -------
    (n_nodes, n_steps, 3) float32
        Pixels in the hull, its perimeter (between pixel centres), its largest diameter (between
        pixel centres); 0 where there is no mask or the node has too many leaves.
    """
    size = tree.last - tree.first
    return _hulls(basin, extent, tree.left, tree.right, size, tree.n_leaves, n_steps, max_leaves)


@njit(cache=True)
def _by_leaf(basin, n_leaves):
    """Flat indices of the pixels of each leaf, in raster order, with the leaves' bounds."""
    flat = basin.ravel()
    start = np.zeros(n_leaves + 2, np.int64)
    for label in flat:
        start[label + 1] += 1
    start[1] = 0
    for leaf in range(n_leaves):
        start[leaf + 2] += start[leaf + 1]
    order = np.empty(start[n_leaves + 1], np.int32)
    free = start.copy()
    for i in range(flat.size):
        if flat[i]:
            order[free[flat[i]]] = i
            free[flat[i]] += 1
    return order, start[1:]


@njit(cache=True)
def _chain(points, count, out):
    """Monotone chain (Andrew 1979) over points sorted by row, then column; returns the corners.

    The corners go round the hull, without repeating the first.
    """
    if count == 1:
        out[0] = points[0]
        return 1
    size = 0
    for turn in range(2):
        base = size
        for i in range(count):
            y, x = points[i if turn == 0 else count - 1 - i]
            while size >= base + 2:
                y1, x1 = out[size - 2]
                y2, x2 = out[size - 1]
                if (y2 - y1) * (x - x1) - (x2 - x1) * (y - y1) > 0:
                    break
                size -= 1
            out[size, 0], out[size, 1] = y, x
            size += 1
        size -= 1
    return size


@njit(cache=True)
def _gcd(a, b):
    while b:
        a, b = b, a % b
    return a


@njit(cache=True)
def _measure(corners, count):
    """Lattice points in a convex polygon with integer corners, its perimeter and its diameter."""
    twice, on_edge, length, widest = 0, 0, 0.0, 0
    for i in range(count):
        y1, x1 = corners[i]
        y2, x2 = corners[(i + 1) % count]
        twice += np.int64(y1) * x2 - np.int64(x1) * y2
        on_edge += _gcd(abs(y2 - y1), abs(x2 - x1))
        length += np.hypot(float(y2 - y1), float(x2 - x1))
        for j in range(i):
            y3, x3 = corners[j]
            widest = max(widest, (y1 - y3) * (y1 - y3) + (x1 - x3) * (x1 - x3))
    return (abs(twice) + on_edge) // 2 + 1, length, np.sqrt(widest)


@njit(cache=True)
def _hulls(basin, extent, left, right, size, n_leaves, n_steps, max_leaves):
    n_nodes = left.size
    width = basin.shape[1]
    flat_extent = extent.ravel()
    measures = np.zeros((n_nodes, n_steps, 3), np.float32)
    order, bounds = _by_leaf(basin, n_leaves)
    # Corners of all hulls, one after the other.
    store = np.empty((64 * (n_nodes + 1), 2), np.int32)
    where = np.zeros((n_nodes, n_steps, 2), np.int64)
    used = 0
    longest = 4
    for leaf in range(n_leaves):
        longest = max(longest, bounds[leaf + 1] - bounds[leaf])
    points = np.empty((2 * longest + 4, 2), np.int32)
    corners = np.empty((4 * longest + 8, 2), np.int32)
    for node in range(n_nodes):
        if size[node] > max_leaves:
            continue
        for step in range(1, n_steps + 1):
            if node < n_leaves:
                count = _row_ends(
                    order, bounds[node], bounds[node + 1], flat_extent, step, width, points
                )
            else:
                a, b = where[left[node], step - 1], where[right[node], step - 1]
                if a[1] + b[1] > points.shape[0]:
                    points = np.empty((2 * (a[1] + b[1]), 2), np.int32)
                    corners = np.empty((4 * (a[1] + b[1]) + 8, 2), np.int32)
                count = _sorted_union(store, a, b, points)
            if not count:
                break
            found = _chain(points, count, corners)
            if used + found > store.shape[0]:
                longer = np.empty((2 * store.shape[0] + found, 2), np.int32)
                longer[:used] = store[:used]
                store = longer
            store[used : used + found] = corners[:found]
            where[node, step - 1, 0] = used
            where[node, step - 1, 1] = found
            used += found
            area, length, widest = _measure(corners, found)
            measures[node, step - 1, 0] = area
            measures[node, step - 1, 1] = length
            measures[node, step - 1, 2] = widest
    return measures


@njit(cache=True)
def _row_ends(order, begin, end, extent, step, width, points):
    """First and last pixel of each row of a leaf at a step."""
    count, row, row_start = 0, -1, 0
    for i in range(begin, end):
        pixel = order[i]
        if extent[pixel] < step:
            continue
        y, x = divmod(pixel, width)
        if y != row:
            row, row_start = y, count
        elif count - row_start == 2:
            count -= 1
        points[count, 0], points[count, 1] = y, x
        count += 1
    return count


@njit(cache=True)
def _sorted_union(store, a, b, points):
    """Corners of two hulls, sorted by row, then column."""
    count = 0
    for part in (a, b):
        for i in range(part[0], part[0] + part[1]):
            y, x = store[i]
            j = count
            while j and (points[j - 1, 0] > y or (points[j - 1, 0] == y and points[j - 1, 1] > x)):
                points[j, 0], points[j, 1] = points[j - 1, 0], points[j - 1, 1]
                j -= 1
            points[j, 0], points[j, 1] = y, x
            count += 1
    return count
