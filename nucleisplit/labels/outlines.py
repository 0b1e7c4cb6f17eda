"""Outlines of a label image along the edges between its pixels, and back: exact both ways.

The corner of pixel (row, column) nearest the origin is the point (x, y) = (column, row). Neighbours
share every point of their common border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

__all__ = ["Outlines", "fill_outlines", "trace_outlines"]

_DY = np.array([0, 1, 0, -1])  # right, down, left, up: a walk with the nucleus on its right hand
_DX = np.array([1, 0, -1, 0])
_FROM_Y = np.array([0, 0, 1, 1])  # where the edge on each side of a pixel begins
_FROM_X = np.array([0, 1, 1, 0])


@dataclass(frozen=True)
class Outlines:
    """The outlines of all labels of an image.

    Attributes
    ----------
    labels : (n,) int64 ndarray
        Those that occur, ascending.
    pieces : tuple
        For each label its pieces; a piece is a list of (k, 2) int32 rings of x, y, the outer one
        first, then its holes. A ring is simple, does not repeat its first point, and has its
        nucleus on the right hand as drawn (y down).
    """

    labels: np.ndarray
    pieces: tuple[list[list[np.ndarray]], ...]


def trace_outlines(labels: np.ndarray, top: int = 0) -> Outlines:
    """Trace the edges between pixels of different labels, in one pass.

    Pixels that meet only at a corner are different pieces, so that each is a valid polygon.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background.
    top : int
        Row of the image at which the array begins.

    Returns
    -------
    Outlines

    Examples
    --------
    >>> trace_outlines(np.array([[0, 7, 7]])).pieces[0][0][0].tolist()
    [[1, 0], [3, 0], [3, 1], [1, 1]]
    """
    padded = np.pad(np.asarray(labels).astype(np.int32, copy=False), 1)
    points, ends, owners, areas = _trace(padded)
    points[:, 1] += top
    rings = np.split(points, ends[:-1]) if ends.size else []
    order = np.lexsort((-areas, owners))  # each label's outer rings first, the largest first
    numbers, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
    pieces = []
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        mine = order[start : start + count]
        outer = [[rings[i]] for i in mine if areas[i] > 0]
        for i in mine[len(outer) :]:
            _owner_of(rings[i], outer).append(rings[i])
        pieces.append(outer)
    return Outlines(numbers, tuple(pieces))


def _owner_of(hole: np.ndarray, outer: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Return the piece that a hole is in: the smallest round the pixel right of its first edge."""
    if len(outer) == 1:
        return outer[0]
    ahead = np.sign(hole[1] - hole[0])
    centre = hole[0] + (ahead + [-ahead[1], ahead[0]]) / 2
    return next(piece for piece in reversed(outer) if _encloses(piece[0], *centre))


def _encloses(ring: np.ndarray, x: float, y: float) -> bool:
    ends = np.roll(ring, -1, axis=0)
    crosses = (ring[:, 1] > y) != (ends[:, 1] > y)
    return bool(np.count_nonzero(crosses & (ring[:, 0] > x)) % 2)


@numba.njit(cache=True)
def _trace(padded):  # pragma: no cover
    """Walk round every label: points of all rings, their ends, labels and signed areas."""
    height, width = padded.shape
    # Count the edges between pixels of different labels: no ring needs more points.
    edges = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if padded[y, x]:
                for side in range(4):
                    edges += padded[y - _DX[side], x + _DY[side]] != padded[y, x]
    points = np.empty((edges, 2), np.int32)
    path = np.empty((edges, 2), np.int32)
    knots = np.empty(edges + 1, np.int64)
    ends = np.empty(edges // 4, np.int64)
    owners = np.empty(edges // 4, np.int64)
    areas = np.empty(edges // 4, np.int64)
    seen = np.zeros(padded.shape, np.uint8)
    used = rings = 0
    for first_y in range(1, height - 1):
        for first_x in range(1, width - 1):
            own = padded[first_y, first_x]
            if own == 0 or padded[first_y - 1, first_x] == own or seen[first_y, first_x] & 1:
                continue
            # Walk along the edges, the label to the right, until one comes again.
            y, x, side = first_y, first_x, 0
            path[0, 0], path[0, 1] = x - 1, y - 1
            length, known = 1, 1
            knots[0] = 0  # places in the path that the walk may pass again
            while not seen[y, x] & (1 << side):
                seen[y, x] |= 1 << side
                next_y, next_x = y + _DY[side], x + _DX[side]
                # Straight on, round an inner corner, or round an outer one; corners are points.
                left = (side + 3) % 4
                over_y, over_x = next_y + _DY[left], next_x + _DX[left]
                if padded[next_y, next_x] != own:
                    pinch = padded[over_y, over_x] == own
                    side = (side + 1) % 4
                elif padded[over_y, over_x] != own:
                    y, x = next_y, next_x
                    continue
                else:
                    pinch = False
                    y, x, side = over_y, over_x, left
                corner_y, corner_x = y - 1 + _FROM_Y[side], x - 1 + _FROM_X[side]
                # Where the walk passes a corner again, a loop is closed.
                back = -1
                if pinch or (corner_y == first_y - 1 and corner_x == first_x - 1):
                    for k in range(known - 1, -1, -1):
                        if path[knots[k], 1] == corner_y and path[knots[k], 0] == corner_x:
                            back = knots[k]
                            known = k + 1
                            break
                    if back < 0:
                        knots[known] = length
                        known += 1
                if back < 0:
                    path[length, 0], path[length, 1] = corner_x, corner_y
                    length += 1
                    continue
                area = 0  # the loop since then is a ring; the walk goes on from where it began
                for i in range(back, length):
                    j = i + 1 if i + 1 < length else back
                    area += np.int64(path[i, 0]) * path[j, 1] - np.int64(path[j, 0]) * path[i, 1]
                    points[used] = path[i]
                    used += 1
                ends[rings], owners[rings], areas[rings] = used, own, area
                rings += 1
                length = back + 1
    return points[:used].copy(), ends[:rings].copy(), owners[:rings].copy(), areas[:rings].copy()


def fill_outlines(
    shape: tuple[int, int],
    objects: list[list[np.ndarray]],
    labels: np.ndarray,
    unite: bool = False,
) -> np.ndarray:
    """Paint polygons: a pixel belongs to one when its centre is inside an odd number of rings.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    objects : list of list of (k, 2) ndarray
        The rings of each object as x, y, open or closed; what lies outside the image is cut off.
    labels : (n,) ndarray
        The label of each object. A pixel that several claim goes to the smallest of them.
    unite : bool
        Each ring is a part of its own, so that what several enclose is inside as well.

    Returns
    -------
    (H, W) int32 ndarray

    Examples
    --------
    >>> two = [np.array([[0, 0], [2, 0], [2, 1], [0, 1]]) + [shift, 0] for shift in (0, 1)]
    >>> [fill_outlines((1, 3), [two], [4], unite).tolist() for unite in (False, True)]
    [[[4, 0, 4]], [[4, 4, 4]]]
    """
    canvas = np.zeros(shape, np.int32)
    if not objects:
        return canvas
    flat = [np.asarray(ring, np.float64) for rings in objects for ring in rings]
    ends = np.cumsum([len(ring) for ring in flat], dtype=np.int64)
    counts = np.array([len(rings) for rings in objects], np.int64)
    sizes = _sizes(flat, np.repeat(np.arange(len(objects)), counts), len(objects))
    labels = np.asarray(labels, np.int32)
    if unite:
        sizes, labels = np.repeat(sizes, counts), np.repeat(labels, counts)
        counts = np.ones(len(flat), np.int64)
    points = np.concatenate(flat) if flat else np.empty((0, 2))
    order = np.argsort(-sizes, kind="stable")  # the largest first
    _fill(canvas, points, ends, np.cumsum(counts), labels, order)
    return canvas


def _sizes(rings: list[np.ndarray], owners: np.ndarray, count: int) -> np.ndarray:
    """Twice the areas of the rings, added up by the object that they belong to."""
    areas = [
        abs(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y)) for x, y in (r.T for r in rings)
    ]
    return np.bincount(owners, np.array(areas, np.float64), minlength=count)


@numba.njit(cache=True)
def _fill(canvas, points, ends, groups, labels, order):  # pragma: no cover
    """Toggle, in every row, where an edge crosses the line of pixel centres; then run along it."""
    height, width = canvas.shape
    toggles = np.zeros((height, width + 1), np.bool_)
    for number in order:
        top, bottom, left = height, 0, width
        for ring in range(groups[number - 1] if number else 0, groups[number]):
            start = ends[ring - 1] if ring else 0
            for i in range(start, ends[ring]):
                j = i + 1 if i + 1 < ends[ring] else start
                x0, y0, x1, y1 = points[i, 0], points[i, 1], points[j, 0], points[j, 1]
                if y0 > y1:
                    x0, y0, x1, y1 = x1, y1, x0, y0
                first = int(min(max(np.ceil(y0 - 0.5), 0.0), float(height)))
                last = int(min(np.ceil(y1 - 0.5), float(height)))
                for row in range(first, last):
                    cross = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                    column = int(min(max(np.ceil(cross - 0.5), 0.0), float(width)))
                    toggles[row, column] = not toggles[row, column]
                    left = min(left, column)
                if first < last:
                    top, bottom = min(top, first), max(bottom, last)
        for row in range(top, bottom):
            inside = False
            for column in range(left, width + 1):
                if toggles[row, column]:
                    inside = not inside
                    toggles[row, column] = False
                if inside and column < width:
                    canvas[row, column] = labels[number]
