"""Sums over the pixels and the outline of every node at every step, from one pass over the image.

A sum for (node, step k) adds up what lies in the node's leaves at extent >= k. So each pixel adds
to its own leaf and extent only; adding from high to low steps, then from the leaves to the
unions, gives all candidates at once. An outline is a set of pixel pairs, one inside, one outside:
such a pair adds to the leaf of its inner pixel, and where its outer pixel belongs to another leaf,
their lowest common union takes it off again and counts it as an inner cut instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from stage2_trees.hierarchy import Hierarchy
from stage2_trees.unions import FAR, common_union, gap_table


class _Columns(NamedTuple):
    """The last axis of ``Sums.values``: the number of each column."""

    # Pixels.
    AREA: int
    Y: int
    X: int
    YY: int
    XX: int
    XY: int
    BODY: int
    BODY2: int
    SEPARATION: int
    SEPARATION2: int
    BORDER: int
    BORDER2: int
    SURE: int
    SEPARATED: int
    # Pixels with body from 0 up to 0.1, from 0.1 up to 0.2, and so on.
    BODY_0: int
    BODY_1: int
    BODY_2: int
    BODY_3: int
    BODY_4: int
    BODY_5: int
    BODY_6: int
    BODY_7: int
    BODY_8: int
    BODY_9: int
    # Squares of 2 x 2 pixels that lie inside as a whole.
    SQUARES: int
    # Pairs across the outline, counted from inside; to the left and right, up and down, diagonal.
    CROSS_X: int
    CROSS_Y: int
    CROSS_DIAGONAL: int
    AT_EDGE: int
    # Pairs of 4-neighbours inside the image: values on both sides of the outline.
    RIM: int
    RIM_BODY: int
    RIM_BORDER: int
    RIM_SEPARATION: int
    RIM_BODY2: int
    RIM_BORDER2: int
    OUTER_BODY: int
    OUTER_BODY2: int
    OUTER_BORDER: int
    OUTER_SEPARATION: int
    # Outline pairs whose outer pixel belongs to another node at the same step.
    CONTACT: int
    CONTACT_SEPARATION: int
    CONTACT_SEED: int
    # Pairs of 4-neighbours inside the node, but of different leaves.
    CUT: int
    CUT_SEPARATION: int
    CUT_SEED: int
    CUT_BORDER: int


N_COLUMNS = len(_Columns._fields)
Column = _Columns(*range(N_COLUMNS))  # a tuple, for numba before 0.65 takes no enumeration


class Sums(NamedTuple):
    """What `accumulate` found; ``step`` 1 is index 0.

    Attributes
    ----------
    values : (n_nodes, n_steps, N_COLUMNS) float64, see `Column`
        Coordinates are measured from ``origin``.
    box : (n_nodes, n_steps, 4) int32
        First row, first column, last row, last column, the last ones included.
    connected : (n_nodes,) int32
        The node is one 4-connected piece up to this step.
    origin : (n_nodes, 2) float64
        Row and column that the node's coordinate sums are relative to.
    """

    values: np.ndarray
    box: np.ndarray
    connected: np.ndarray
    origin: np.ndarray


def accumulate(
    basin: np.ndarray, extent: np.ndarray, maps: np.ndarray, tree: Hierarchy, n_steps: int
) -> Sums:
    """Add up all columns for all nodes and steps.

    Parameters
    ----------
    basin, extent : (H, W) int32, uint8
        From `grow_basins`.
    maps : (3, H, W) float32
    tree : Hierarchy
    n_steps : int
        Number of extents.
    """
    gaps = gap_table(tree.first, tree.last, tree.left, tree.n_leaves)
    values, box, link, origin = _per_leaf(
        basin, extent, maps, gaps, n_steps, tree.n_nodes, tree.pixels
    )
    connected = _up(values, box, link, origin, tree.left, tree.right, tree.n_leaves)
    return Sums(values[:, 1:], box[:, 1:], connected, origin)


@njit(cache=True)
def _per_leaf(basin, extent, maps, gaps, n_steps, n_nodes, pixels):
    height, width = basin.shape
    values = np.zeros((n_nodes, n_steps + 1, N_COLUMNS))
    box = np.empty((n_nodes, n_steps + 1, 4), np.int32)
    box[:, :, :2] = FAR
    box[:, :, 2:] = -1
    link = np.zeros(n_nodes, np.int32)
    origin = np.zeros((n_nodes, 2))
    # Coordinates are summed relative to each leaf's peak: squares stay small, and exact.
    for leaf in range(pixels.size):
        origin[leaf, 0], origin[leaf, 1] = divmod(pixels[leaf], width)
    for y in range(height):
        for x in range(width):
            step = np.int64(extent[y, x])
            if not step:
                continue
            # What the pixel itself adds, to its own leaf and extent only.
            leaf = basin[y, x] - 1
            body, border, separation = maps[0, y, x], maps[1, y, x], maps[2, y, x]
            row = values[leaf, step]
            dy, dx = y - origin[leaf, 0], x - origin[leaf, 1]
            row[Column.AREA] += 1
            row[Column.Y] += dy
            row[Column.X] += dx
            row[Column.YY] += dy * dy
            row[Column.XX] += dx * dx
            row[Column.XY] += dy * dx
            row[Column.BODY] += body
            row[Column.BODY2] += body * body
            row[Column.SEPARATION] += separation
            row[Column.SEPARATION2] += separation * separation
            row[Column.BORDER] += border
            row[Column.BORDER2] += border * border
            row[Column.SURE] += body > 0.9
            row[Column.SEPARATED] += separation > 0.3
            row[Column.BODY_0 + min(max(int(10 * body), 0), 9)] += 1
            corner = box[leaf, step]
            corner[0] = min(corner[0], y)
            corner[1] = min(corner[1], x)
            corner[2] = max(corner[2], y)
            corner[3] = max(corner[3], x)
            if y and x:
                _add_square(values, gaps, basin, extent, y, x)
            # Its pairs with the eight neighbours: the outline runs between a pixel and a neighbour
            # of another leaf, of a lower extent, or outside the image.
            for direction in range(8):
                if direction < 4:
                    yy = y + (direction == 0) - (direction == 1)
                    xx = x + (direction == 2) - (direction == 3)
                else:
                    yy = y + (1 if direction & 1 else -1)
                    xx = x + (1 if direction & 2 else -1)
                inside = 0 <= yy < height and 0 <= xx < width
                other, step_other = -1, np.int64(0)
                if inside:
                    other, step_other = basin[yy, xx] - 1, np.int64(extent[yy, xx])
                if other == leaf and step_other >= step:
                    continue
                if not step_other:
                    other = -1
                common = -1
                if other >= 0 and other != leaf:
                    common = common_union(gaps, leaf, other)
                # The outline of the leaf has this pair at the steps below + 1 .. step; that of a
                # union which holds both has it no longer at the steps up to low.
                below = step_other if other == leaf else 0
                low = min(step, step_other)
                pair = (leaf, below, step, common, low)
                if direction >= 4:
                    _add(values, pair, Column.CROSS_DIAGONAL, 1.0)
                    continue
                # The 4-neighbours: what the maps say on both sides of the outline.
                _add(values, pair, Column.CROSS_Y if direction < 2 else Column.CROSS_X, 1.0)
                if not inside:
                    _add(values, pair, Column.AT_EDGE, 1.0)
                    continue
                body_other, separation_other = maps[0, yy, xx], maps[2, yy, xx]
                border_other = maps[1, yy, xx]
                _add(values, pair, Column.RIM, 1.0)
                _add(values, pair, Column.RIM_BODY, body)
                _add(values, pair, Column.RIM_BORDER, border)
                _add(values, pair, Column.RIM_SEPARATION, separation)
                _add(values, pair, Column.RIM_BODY2, body * body)
                _add(values, pair, Column.RIM_BORDER2, border * border)
                _add(values, pair, Column.OUTER_BODY, body_other)
                _add(values, pair, Column.OUTER_BODY2, body_other * body_other)
                _add(values, pair, Column.OUTER_BORDER, border_other)
                _add(values, pair, Column.OUTER_SEPARATION, separation_other)
                if other < 0 or other == leaf:
                    continue
                # A neighbour of another leaf: a contact of the two, up to the lower of their
                # extents, and an inner cut of the union that holds both.
                middle = 0.5 * (separation + separation_other)
                seed = min(body * (1 - separation), body_other * (1 - separation_other))
                contact = (leaf, 0, low, common, low)
                _add(values, contact, Column.CONTACT, 1.0)
                _add(values, contact, Column.CONTACT_SEPARATION, middle)
                _add(values, contact, Column.CONTACT_SEED, seed)
                if common >= 0:
                    link[common] = max(link[common], low)
                    inner = values[common, low]
                    inner[Column.CUT] += 1
                    inner[Column.CUT_SEPARATION] += middle
                    inner[Column.CUT_SEED] += seed
                    inner[Column.CUT_BORDER] += 0.5 * (border + border_other)
    return values, box, link, origin


@njit(cache=True)
def _add_square(values, gaps, basin, extent, y, x):
    """Count a pixel with those above, to the left and between, to the lowest node of all four."""
    leaf, step = basin[y, x] - 1, extent[y, x]
    node = leaf
    for yy, xx in ((y - 1, x), (y, x - 1), (y - 1, x - 1)):
        step = min(step, extent[yy, xx])
        if not step:
            return
        other = basin[yy, xx] - 1
        if other != leaf:
            common = common_union(gaps, leaf, other)
            if common < 0:
                return
            # All of these hold the leaf, so the last of them holds the others.
            node = max(node, common)
    values[node, step, Column.SQUARES] += 1


@njit(cache=True)
def _add(values, pair, column, value):
    """Add a pair to the outline of its leaf, and take it off where a union holds both sides."""
    leaf, below, step, common, low = pair
    values[leaf, step, column] += value
    values[leaf, below, column] -= value
    if common >= 0:
        values[common, low, column] -= value


@njit(cache=True)
def _up(values, box, link, origin, left, right, n_leaves):
    """Add high steps to low ones, and children to parents; in place."""
    n_nodes, n_rows, _ = values.shape
    connected = np.empty(n_nodes, np.int32)
    for node in range(n_nodes):
        # From high to low steps: what holds at a step holds at those below.
        for step in range(n_rows - 2, 0, -1):
            for column in range(N_COLUMNS):
                values[node, step, column] += values[node, step + 1, column]
            for side in range(2):
                box[node, step, side] = min(box[node, step, side], box[node, step + 1, side])
                side += 2
                box[node, step, side] = max(box[node, step, side], box[node, step + 1, side])
        connected[node] = n_rows - 1
        if node < n_leaves:
            continue
        # A union: its own row holds corrections by now, its parts add all the rest.
        a, b = left[node], right[node]
        connected[node] = min(link[node], min(connected[a], connected[b]))
        origin[node] = origin[a]
        dy, dx = origin[b, 0] - origin[a, 0], origin[b, 1] - origin[a, 1]
        for step in range(1, n_rows):
            for column in range(N_COLUMNS):
                values[node, step, column] += values[a, step, column] + values[b, step, column]
            # Move the second part's coordinate sums to the first one's origin.
            area, sy, sx = (
                values[b, step, Column.AREA],
                values[b, step, Column.Y],
                values[b, step, Column.X],
            )
            values[node, step, Column.Y] += area * dy
            values[node, step, Column.X] += area * dx
            values[node, step, Column.YY] += 2 * dy * sy + area * dy * dy
            values[node, step, Column.XX] += 2 * dx * sx + area * dx * dx
            values[node, step, Column.XY] += dy * sx + dx * sy + area * dy * dx
            for side in range(2):
                box[node, step, side] = min(box[a, step, side], box[b, step, side])
                side += 2
                box[node, step, side] = max(box[a, step, side], box[b, step, side])
    return connected
