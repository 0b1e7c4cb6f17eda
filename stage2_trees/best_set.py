"""The best set of disjoint candidates: an exact dynamic program over the forest.

Candidates of different nodes are nested or disjoint, those of one node are nested. So the best
disjoint set below a node is either one of its own candidates, or the best sets of its two parts:
V(node) = max(best gain among its candidates, V(left) + V(right), 0), bottom up.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.forest import Candidates


def best_set(
    candidates: Candidates,
    gain: np.ndarray,
    penalty: np.ndarray | float = 0.0,
    bias: float = 0.0,
    low: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the disjoint set with the largest sum of gains, exactly, or one of more or fewer nuclei.

    Parameters
    ----------
    candidates : Candidates
    gain : (n,) float64
        What each candidate adds; where it is 0 or less, a candidate is chosen only by a bias.
    penalty : (n,) float64
        Taken off the gain in the choice among the candidates of one node, and only there.
    bias : float
        From -1 to 1. Below 0, a union also replaces nuclei on both its sides if its gain is not
        less than theirs by more than this share of the way down to `low`. Above 0, a union is
        also replaced by the best nuclei on both its sides if theirs is not less than its own by
        more than this share of the way down to twice `low`, and neither is below `low`.
    low : float

    Returns
    -------
    chosen : (m,) int64, ascending
    best : (n_nodes,) int64
        The candidate that stands for each node, -1 where it has none.
    """
    tree = candidates.tree
    penalty = np.broadcast_to(np.asarray(penalty, float), gain.shape)
    return _best_set(
        candidates.node,
        np.ascontiguousarray(gain, float),
        np.ascontiguousarray(penalty),
        tree.left,
        tree.right,
        float(bias),
        float(low),
    )


def add_beside(
    candidates: Candidates, gain: np.ndarray, chosen: np.ndarray, best: np.ndarray, least: float
) -> np.ndarray:
    """Add to a disjoint set the candidates beside it whose gain is above `least`, the best first.

    Parameters
    ----------
    candidates : Candidates
    gain : (n,) float64
    chosen : (m,) int64
    best : (n_nodes,) int64
        From `best_set`: of each node only the candidate that stands for it is added.
    least : float
        With a lower one the same are added, and more.

    Returns
    -------
    (k,) int64
        The larger set, disjoint, ascending.
    """
    tree = candidates.tree
    able = best[best >= 0]
    able = able[gain[able] > least]
    able = able[np.argsort(-gain[able], kind="stable")]
    added = _add_beside(candidates.node, chosen, able, tree.first, tree.last)
    return np.sort(np.concatenate([chosen, able[added]]))


@njit(cache=True)
def _add_beside(node_of, chosen, able, first, last):
    taken = np.zeros(first.size, np.bool_)
    for i in chosen:
        taken[first[node_of[i]] : last[node_of[i]]] = True
    added = np.zeros(able.size, np.bool_)
    for k in range(able.size):
        node = node_of[able[k]]
        leaves = taken[first[node] : last[node]]
        if not leaves.any():
            leaves[:] = True
            added[k] = True
    return added


@njit(cache=True)
def _best_set(node_of, gain, penalty, left, right, bias, low):
    n_nodes = left.size
    # Of the outlines of each node, the one that is worth most stands for it.
    best = np.full(n_nodes, -1, np.int64)
    for i in range(node_of.size):
        node, worth = node_of[i], gain[i] - penalty[i]
        if worth > (gain[best[node]] - penalty[best[node]] if best[node] >= 0 else -np.inf):
            best[node] = i
    # Of each node: gain of its best set, its best single candidate, gain of its best set that is
    # not empty; and whether it is kept whole or, by the bias, parted into such sets.
    value = np.zeros(n_nodes)
    single = best.copy()
    some = np.full(n_nodes, -np.inf)
    whole = np.zeros(n_nodes, np.bool_)
    parted = np.zeros(n_nodes, np.bool_)
    # From the leaves up: is the node worth more than the best sets of its parts?
    for node in range(n_nodes):
        own = gain[best[node]] if best[node] >= 0 else -np.inf
        a, b = left[node], right[node]
        parts = value[a] + value[b] if a >= 0 else 0.0
        whole[node] = own > 0 and own >= parts
        value[node] = own if whole[node] else parts
        if a >= 0:
            for i in (single[a], single[b]):
                if i >= 0 and (single[node] < 0 or gain[i] > gain[single[node]]):
                    single[node] = i
            if bias < 0 and value[a] > 0 and value[b] > 0:
                whole[node] |= own >= parts + bias * max(parts - low, 0.0)
            elif bias > 0 and whole[node] and min(some[a], some[b]) >= low:
                parted[node] = some[a] + some[b] >= own - bias * max(own - 2 * low, 0.0)
        if single[node] >= 0:
            some[node] = value[node] if value[node] > 0 else gain[single[node]]
    # From the roots down: the first node that is kept whole settles all below it.
    chosen = np.zeros(node_of.size, np.bool_)
    done = np.zeros(n_nodes, np.bool_)
    for node in range(n_nodes - 1, -1, -1):
        a, b = left[node], right[node]
        if not done[node] and whole[node] and not parted[node]:
            chosen[best[node]] = True
            done[node] = True
        if a < 0:
            continue
        for part in (a, b):
            done[part] = done[node]
            if parted[node] and not done[node] and value[part] <= 0:
                chosen[single[part]] = True
                done[part] = True
    return np.flatnonzero(chosen), best
