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
    # Room for the row ends of the largest leaf; unions make more where they need it.
    longest = 4
    for leaf in range(n_leaves):
        longest = max(longest, bounds[leaf + 1] - bounds[leaf])
    points = np.empty((2 * longest + 4, 2), np.int32)
    corners = np.empty((4 * longest + 8, 2), np.int32)
    ends = np.empty((64, n_steps + 1, 2), np.int32)
    for node in range(n_nodes):
        if size[node] > max_leaves:
            continue
        if node < n_leaves:
            pixels = order[bounds[node] : bounds[node + 1]]
            top = pixels[0] // width
            height = pixels[-1] // width - top + 1
            if height > ends.shape[0]:
                ends = np.empty((2 * height, n_steps + 1, 2), np.int32)
            _row_ends(pixels, flat_extent, top, width, ends[:height])
        for step in range(1, n_steps + 1):
            # The points that may be corners: ends of rows, or the corners of both parts.
            if node < n_leaves:
                count = _as_points(ends[:height], step, top, points)
            else:
                a, b = where[left[node], step - 1], where[right[node], step - 1]
                if a[1] + b[1] > points.shape[0]:
                    points = np.empty((2 * (a[1] + b[1]), 2), np.int32)
                    corners = np.empty((4 * (a[1] + b[1]) + 8, 2), np.int32)
                count = _sorted_union(store, a, b, points)
            if not count:
                break
            # The hull, kept for the unions above, and its measures.
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
def _row_ends(pixels, extent, top, width, ends):
    """First and last column of each row of a leaf at each step; (width, -1) for none."""
    n_rows, n_steps = ends.shape[0], ends.shape[1]
    ends[:, :, 0], ends[:, :, 1] = width, -1
    for pixel in pixels:
        y, x = divmod(pixel, width)
        end = ends[y - top, extent[pixel]]
        end[0], end[1] = min(end[0], x), max(end[1], x)
    for row in range(n_rows):
        for step in range(n_steps - 2, 0, -1):
            end, higher = ends[row, step], ends[row, step + 1]
            end[0], end[1] = min(end[0], higher[0]), max(end[1], higher[1])


@njit(cache=True)
def _as_points(ends, step, top, points):
    """The row ends of one step as points, sorted by row, then column."""
    count = 0
    for row in range(ends.shape[0]):
        first, last = ends[row, step]
        if last >= 0:
            points[count, 0], points[count, 1] = top + row, first
            count += 1
        if last > first:
            points[count, 0], points[count, 1] = top + row, last
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
