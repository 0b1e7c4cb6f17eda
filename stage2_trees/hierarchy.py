"""Which connected piece of the seed map lies in which, over all thresholds: a merge tree.

The component tree (max-tree) of a grey image holds every connected piece of every threshold. Its
chains of single children cover the same nuclei at other thresholds, so only what changes the set
of nuclei is kept: the *leaves*, peaks of enough contrast and area, and the *unions*, made where
two pieces meet on the way down. Pieces are found by union-find over the pixels in descending order
(Najman and Couprie 2006, "Building the component tree in quasi-linear time"); a peak too weak to
be a leaf dissolves in the piece it first meets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from stage2_trees.pieces import find_pieces, largest_piece


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A forest of binary merge trees whose leaves are numbered so that each node owns a range.

    Nodes 0..n_leaves-1 are the leaves; unions follow, every child before its parent.

    Attributes
    ----------
    left, right : (n_nodes,) int32
        The two parts of a union, -1 for leaves.
    parent : (n_nodes,) int32
        -1 for roots.
    first, last : (n_nodes,) int32
        The node consists of the leaves ``first <= leaf < last``.
    peak : (n_nodes,) int32
        Highest seed level in the node.
    saddle : (n_nodes,) int32
        Seed level at which the node meets its sibling; 0 for roots.
    pixels : (n_leaves,) int32
        Flat index of each leaf's peak.
    """

    left: np.ndarray
    right: np.ndarray
    parent: np.ndarray
    first: np.ndarray
    last: np.ndarray
    peak: np.ndarray
    saddle: np.ndarray
    pixels: np.ndarray

    @property
    def n_leaves(self) -> int:
        """Number of leaves."""
        return self.pixels.size

    @property
    def n_nodes(self) -> int:
        """Number of leaves and unions."""
        return self.parent.size


def build_hierarchy(
    levels: np.ndarray, mask: np.ndarray, min_contrast: int, min_area: int
) -> Hierarchy:
    """Find the leaves and unions of a quantised seed map.

    Parameters
    ----------
    levels : (H, W) uint8
        Seed map.
    mask : (H, W) bool
        Pixels outside are ignored.
    min_contrast : int
        Levels a peak must rise above the saddle where it meets another piece.
    min_area : int
        Pixels a peak must have by then (or in all, where it meets no other).

    Returns
    -------
    Hierarchy
        Trees are numbered in raster order of the 4-connected pieces of the mask they lie in.

    Examples
    --------
    >>> levels = np.array([[9, 5, 8, 2, 7]], np.uint8)
    >>> tree = build_hierarchy(levels, levels > 0, 1, 1)
    >>> tree.peak.tolist(), tree.saddle.tolist()
    ([7, 8, 9, 9, 9], [2, 5, 5, 2, 0])
    """
    return hierarchy_of(levels, find_pieces(mask), min_contrast, min_area)


def hierarchy_of(
    levels: np.ndarray, pieces: tuple[np.ndarray, ...], min_contrast: int, min_area: int
) -> Hierarchy:
    """Find the leaves and unions among pixels that are listed already, as `find_pieces` does."""
    return Hierarchy(*_ordered(*_merge(levels, pieces, min_contrast, min_area)))


@njit(cache=True)
def _descending(level, order):
    """Places of a piece's pixels by falling level, in raster order within a level."""
    lowest, highest = np.int64(255), np.int64(0)
    for value in level:
        lowest, highest = min(lowest, value), max(highest, value)
    start = np.zeros(highest - lowest + 2, np.int64)
    for value in level:
        start[highest - value + 1] += 1
    for i in range(highest - lowest):
        start[i + 1] += start[i]
    for place in range(level.size):
        i = highest - level[place]
        order[start[i]] = place
        start[i] += 1


@njit(cache=True)
def _find(parent, i):
    root = i
    while parent[root] >= 0:
        root = parent[root]
    while i != root:
        following = parent[i]
        parent[i] = root
        i = following
    return root


@njit(cache=True)
def _merge(levels, pieces, min_contrast, min_area):
    pixels, neighbours, bounds = pieces
    largest = largest_piece(bounds)
    order_of = np.empty(largest, np.int32)
    # Below 0 at the root of a set: minus its area.
    parent_of = np.empty(largest, np.int32)
    # At the root of a set: the place of its peak, or -1 - node once it is a union.
    content = np.empty(largest, np.int32)
    # The nodes in the order in which they are found; the first entry only gives the lists a type.
    peak, saddle, peaks = [np.int32(0)], [np.int32(0)], [np.int32(0)]
    left, right = [np.int32(0)], [np.int32(0)]
    for piece in range(bounds.size - 1):
        begin, size = bounds[piece], bounds[piece + 1] - bounds[piece]
        flat = levels.ravel()[pixels[begin : begin + size]]
        order, parent = order_of[:size], parent_of[:size]
        _descending(flat, order)
        unseen = -size - 1
        parent[:] = unseen
        # The water falls: each pixel joins the sets of those neighbours that are out of it already.
        for place in order:
            level = np.int32(flat[place])
            parent[place] = -1
            content[place] = place
            a = place
            for other in neighbours[begin + place]:
                if other < 0 or parent[other] == unseen:
                    continue
                b = _find(parent, other)
                if a == b:
                    continue
                # Two sets meet. A union counts; a peak does if it is high and large enough.
                inside_a, inside_b = content[a], content[b]
                good_a = inside_a < 0 or (
                    flat[inside_a] - level >= min_contrast and -parent[a] >= min_area
                )
                good_b = inside_b < 0 or (
                    flat[inside_b] - level >= min_contrast and -parent[b] >= min_area
                )
                if good_a and good_b:
                    # Both become nodes, unless they are, and their union a third one.
                    for side in range(2):
                        inside = inside_b if side else inside_a
                        if inside >= 0:
                            node = len(peak)
                            peak.append(np.int32(flat[inside]))
                            saddle.append(level)
                            peaks.append(pixels[begin + inside])
                            left.append(np.int32(-1))
                            right.append(np.int32(-1))
                        else:
                            node = -1 - inside
                            saddle[node] = level
                        if side:
                            node_b = node
                        else:
                            node_a = node
                    inside = np.int32(-1 - len(peak))
                    peak.append(max(peak[node_a], peak[node_b]))
                    saddle.append(np.int32(0))
                    peaks.append(np.int32(-1))
                    left.append(np.int32(node_a))
                    right.append(np.int32(node_b))
                elif good_a or good_b:  # the other one dissolves in it
                    inside = inside_a if good_a else inside_b
                # Neither counts: the higher peak goes on, of equal ones the first in raster order.
                elif flat[inside_a] != flat[inside_b]:
                    inside = inside_a if flat[inside_a] > flat[inside_b] else inside_b
                else:
                    inside = min(inside_a, inside_b)
                # The smaller set is hung below the larger one.
                if parent[a] > parent[b]:
                    a, b = b, a
                parent[a] += parent[b]
                parent[b] = a
                content[a] = inside
        # All pixels are one set now; a peak that met no other is a leaf if it is large enough.
        root = _find(parent, np.int32(0))
        if content[root] >= 0 and size >= min_area:
            inside = content[root]
            peak.append(np.int32(flat[inside]))
            saddle.append(np.int32(0))
            peaks.append(pixels[begin + inside])
            left.append(np.int32(-1))
            right.append(np.int32(-1))
    return (
        np.array(peak)[1:],
        np.array(saddle)[1:],
        np.array(peaks)[1:],
        np.array(left)[1:] - np.int32(1),
        np.array(right)[1:] - np.int32(1),
    )


@njit(cache=True)
def _ordered(peak, saddle, pixels, left, right):
    """Renumber: leaves first, each node's leaves in a row; unions after, children first."""
    n_nodes = peak.size
    is_leaf = pixels >= 0
    n_leaves = int(is_leaf.sum())
    # Leaves below each node, and its parent.
    size = np.ones(n_nodes, np.int32)
    parent = np.full(n_nodes, -1, np.int32)
    for node in range(n_nodes):
        if not is_leaf[node]:
            size[node] = size[left[node]] + size[right[node]]
            parent[left[node]] = node
            parent[right[node]] = node
    # Hand the numbers of the leaves down: to the roots one range after the other, to the parts of
    # a union theirs of its range.
    start = np.zeros(n_nodes, np.int32)
    free = 0
    for node in range(n_nodes):
        if parent[node] < 0:
            start[node] = free
            free += size[node]
    for node in range(n_nodes - 1, -1, -1):
        if not is_leaf[node]:
            start[left[node]] = start[node]
            start[right[node]] = start[node] + size[left[node]]
    # A leaf's new number is its range; unions keep their order, behind the leaves.
    new = np.empty(n_nodes, np.int32)
    union = n_leaves
    for node in range(n_nodes):
        if is_leaf[node]:
            new[node] = start[node]
        else:
            new[node] = union
            union += 1
    out = np.empty((7, n_nodes), np.int32)
    leaf_pixels = np.empty(n_leaves, np.int32)
    for node in range(n_nodes):
        i = new[node]
        out[0, i] = -1 if is_leaf[node] else new[left[node]]
        out[1, i] = -1 if is_leaf[node] else new[right[node]]
        out[2, i] = -1 if parent[node] < 0 else new[parent[node]]
        out[3, i] = start[node]
        out[4, i] = start[node] + size[node]
        out[5, i] = peak[node]
        out[6, i] = saddle[node]
        if is_leaf[node]:
            leaf_pixels[i] = pixels[node]
    return out[0], out[1], out[2], out[3], out[4], out[5], out[6], leaf_pixels
