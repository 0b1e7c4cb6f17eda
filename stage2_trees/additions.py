"""Nuclei added to those chosen: the best outline at a place where nothing is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stage2_trees.alternatives import Alternative, paint_part
from stage2_trees.regressor import IoURegressor
from stage2_trees.select import Selection
from stage2_trees.split import Split, split_of

ADDED = "added"
"""Kind of the alternative to nothing."""


def addition_at(
    split: Split, row: int, column: int, drawn: np.ndarray | None = None
) -> Alternative:
    """Find the best nucleus to add at a pixel where nothing is drawn.

    Parameters
    ----------
    split : Split
    row, column : int
    drawn : (H, W) integer, optional
        What it may not overlap, 0 where nothing is; by default the nuclei chosen, of which no
        other outline is offered then.

    Returns
    -------
    Alternative
        Of kind ``added``: of the candidates that hold the pixel, the one with the highest gain.

    Raises
    ------
    ValueError
        If the pixel lies outside the image or is taken, or no candidate is free there.
    """
    forest, candidates = split.forest, split.forest.candidates
    height, width = forest.basin.shape
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"pixel ({row}, {column}) lies outside the image of {height}x{width}")
    labels = split.labels if drawn is None else drawn
    if labels[row, column]:
        raise ValueError(f"pixel ({row}, {column}) lies in nucleus {labels[row, column]}")
    tree, node, leaf = candidates.tree, candidates.node, int(forest.basin[row, column]) - 1
    holds = (tree.first[node] <= leaf) & (leaf < tree.last[node]) & np.isfinite(split.gain)
    holds &= candidates.step <= forest.extent[row, column]
    able = np.flatnonzero(holds)
    if not able.size:
        raise ValueError(f"pixel ({row}, {column}) lies in no outline that the maps suggest")
    if drawn is None:
        able = able[_beside(split, split.chosen, able)]
    for i in able[np.argsort(-split.gain[able], kind="stable")].tolist():
        members = np.array([i])
        masks, (top, left) = paint_part(split, members)
        window = labels[top : top + masks.shape[0], left : left + masks.shape[1]]
        if not window[masks > 0].any():
            iou, margin = float(split.candidate_iou[i]), -float(split.gain[i])
            return Alternative(ADDED, iou, margin, (), members, masks, (top, left))
    raise ValueError(f"all outlines that hold pixel ({row}, {column}) overlap nuclei that are kept")


def add_candidates(split: Split, regressor: IoURegressor, more: Sequence[int]) -> Split:
    """Add candidates to the nuclei chosen, one after the other, where they overlap none of these.

    Parameters
    ----------
    split : Split
    regressor : IoURegressor
        The one that scored it.
    more : sequence of int
        Candidates.

    Returns
    -------
    Split
        With labels of their own after those that were there, in the order given.
    """
    chosen = split.chosen
    for i in more:
        if _beside(split, chosen, np.array([i]))[0]:
            chosen = np.append(chosen, i)
    added = chosen[split.chosen.size :]
    kept = np.union1d(split.kept[_beside(split, added, split.kept)], added)
    selected = Selection(kept, split.gain, split.best)
    return split_of(split.forest, split.scores, regressor, selected, chosen)


def _beside(split: Split, chosen: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which candidates share no leaf with any of those chosen, (k,) bool."""
    candidates = split.forest.candidates
    tree, node = candidates.tree, candidates.node
    taken = np.zeros(tree.n_leaves + 1, np.int64)
    for i in chosen:
        taken[tree.first[node[i]] + 1 : tree.last[node[i]] + 1] = 1
    taken = np.cumsum(taken)
    return taken[tree.first[node[others]]] == taken[tree.last[node[others]]]
