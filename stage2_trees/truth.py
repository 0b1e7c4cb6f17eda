"""How good each candidate really is: its best IoU with a true nucleus, for all in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.forest import Forest
from stage2_trees.overlap import overlap_table
from stage2_trees.sums import Column


def true_iou(forest: Forest, truth: np.ndarray) -> np.ndarray:
    """Best IoU of each candidate with any true nucleus.

    Parameters
    ----------
    forest : Forest
    truth : (H, W) integer
        True labels of the same image, 0 = background.

    Returns
    -------
    (n,) float32

    Raises
    ------
    ValueError
        If the shapes differ or the labels are not integers from 0 up.

    Examples
    --------
    >>> from stage2_trees.forest import build_forest
    >>> maps = np.zeros((3, 6, 6), np.float32)
    >>> maps[0, 1:5, 1:5] = 0.9
    >>> truth = np.zeros((6, 6), int)
    >>> truth[1:5, 1:4] = 7
    >>> true_iou(build_forest(maps), truth)
    array([0.75], dtype=float32)
    """
    truth = np.asarray(truth)
    if truth.shape != forest.basin.shape:
        raise ValueError(
            f"the true labels have shape {truth.shape}, the maps {forest.basin.shape}; "
            "give the labels of the same image"
        )
    table = overlap_table(forest.basin, truth)
    tree, candidates = forest.candidates.tree, forest.candidates
    n_steps = forest.sums.values.shape[1]
    starts = np.searchsorted(table.a_ids, np.arange(1, tree.n_leaves + 2))
    labels = truth.astype(np.int32)
    counts = _counts(forest.basin, forest.extent, labels, starts, table.b_ids, n_steps)
    return _best(
        candidates.node,
        candidates.step,
        forest.sums.values[:, :, Column.AREA],
        tree.first,
        tree.last,
        starts,
        table.b_ids,
        counts,
        table.area_b,
    )


@njit(cache=True)
def _counts(basin, extent, truth, starts, ids, n_steps):
    """Shared pixels of each pair of leaf and true nucleus at each step (0 is unused)."""
    counts = np.zeros((ids.size, n_steps + 1), np.int64)
    height, width = basin.shape
    for y in range(height):
        for x in range(width):
            label = truth[y, x]
            if extent[y, x] and label:
                pair = starts[basin[y, x] - 1]
                while ids[pair] != label:
                    pair += 1
                counts[pair, extent[y, x]] += 1
    for pair in range(ids.size):
        for step in range(n_steps - 1, 0, -1):
            counts[pair, step] += counts[pair, step + 1]
    return counts


@njit(cache=True)
def _best(node_of, step_of, area, first, last, starts, ids, counts, area_truth):
    best = np.zeros(node_of.size, np.float32)
    shared = np.zeros((area_truth.size, counts.shape[1]), np.int64)
    i = 0
    while i < node_of.size:
        node = node_of[i]
        begin, end = starts[first[node]], starts[last[node]]
        for pair in range(begin, end):
            shared[ids[pair]] += counts[pair]
        while i < node_of.size and node_of[i] == node:
            step = step_of[i]
            for pair in range(begin, end):
                common = shared[ids[pair], step]
                union = area[node, step - 1] + area_truth[ids[pair]] - common
                best[i] = max(best[i], common / union)
            i += 1
        for pair in range(begin, end):
            shared[ids[pair]] = 0
    return best
