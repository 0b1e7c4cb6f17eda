"""The best set of disjoint candidates: an exact dynamic program over the forest.

Candidates of different nodes are nested or disjoint, those of one node are nested. So the best
disjoint set below a node is either one of its own candidates, or the best sets of its two parts:
V(node) = max(best gain among its candidates, V(left) + V(right), 0), bottom up.

The gain of a candidate is what it adds to the metric. Per threshold t the image scores
A / (K + N - A), with A hits among K kept candidates and N true nuclei. A candidate that hits with
probability h adds h to A and 1 to K; to first order the score rises by (h (1 + P) - P) / D, where
D = K + N - A and P = A / D, the score so far. P and D are taken from the set chosen before, N is
estimated by K, and a few rounds settle both.

A bias towards merging or splitting lowers the bar that a union, or its parts, have to pass to
replace what is best, with everything else as settled without it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from stage2_trees.config import SelectConfig
from stage2_trees.forest import Candidates, Forest

THRESHOLDS = np.arange(10, 20) / 20
"""IoU thresholds of the metric, 0.50, 0.55, ..., 0.95."""

NEGLIGIBLE = 0.05
"""Hit rate that suffices for a union when the bias is -1."""

CREDIBLE = 0.1
"""Hit rate that suffices for each part when the bias is 1."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The chosen candidates, and what the others would have been worth.

    Attributes
    ----------
    chosen : (m,) int64
        Numbers of the chosen candidates, ascending.
    gain : (n,) float64
        What each candidate adds to the expected metric, in units of a nucleus found for certain
        at no cost; minus infinity where it may not be chosen.
    best : (n_nodes,) int64
        The candidate that stands for each node, -1 where it has none.
    """

    chosen: np.ndarray
    gain: np.ndarray
    best: np.ndarray


def hits(iou: np.ndarray) -> np.ndarray:
    """Which thresholds an IoU exceeds, strictly, (n, 10) float64.

    Examples
    --------
    >>> hits(np.array([0.5, 0.62, 1.0])).sum(axis=1).tolist()
    [0.0, 3.0, 10.0]
    """
    # A float32 IoU of exactly k/20 may lie a rounding above it.
    return (np.asarray(iou, float)[..., None] > THRESHOLDS + 1e-6).astype(float)


def metric_score(iou: np.ndarray, n_true: int) -> float:
    """Score of one image in the competition metric, from the IoU of each kept candidate.

    The mean over the thresholds of TP / (TP + FP + FN). Disjoint candidates cannot share a true
    nucleus at an IoU above one half, so each exceeding IoU is one true positive.

    Parameters
    ----------
    iou : (m,) floating
        Best IoU of each kept candidate with a true nucleus.
    n_true : int

    Returns
    -------
    float
        1 where both are empty.

    Examples
    --------
    >>> round(metric_score(np.array([0.96, 0.72]), 2), 4)
    0.6667
    """
    true_positives = hits(iou).reshape(-1, 10).sum(axis=0)
    union = np.size(iou) + n_true - true_positives
    return float(np.mean(true_positives / union)) if np.size(iou) + n_true else 1.0


def select(
    forest: Forest | Candidates, scores: np.ndarray, config: SelectConfig | None = None
) -> np.ndarray:
    """Choose the disjoint candidates with the highest expected metric.

    Parameters
    ----------
    forest : Forest or Candidates
    scores : (n, 10) or (n,) floating
        Probability of each candidate to exceed each of `THRESHOLDS`; or its IoU, which is then
        taken as certain (true IoUs give the oracle), without margin or bias.
    config : SelectConfig, optional

    Returns
    -------
    (m,) int64
        Numbers of the chosen candidates, ascending. Of equally good sets the one with fewer,
        larger candidates is chosen.

    Raises
    ------
    ValueError
        If the scores do not fit the candidates or are not finite.
    """
    return settle(forest, scores, config).chosen


def settle(
    forest: Forest | Candidates,
    scores: np.ndarray,
    config: SelectConfig | None = None,
    allowed: np.ndarray | None = None,
) -> Selection:
    """Choose as `select` does, and tell what every candidate is worth beside those chosen.

    Parameters
    ----------
    forest, scores, config
        As for `select`.
    allowed : (n,) bool, optional
        The candidates that may be chosen; all of them by default.

    Raises
    ------
    ValueError
        As for `select`.
    """
    config = config or SelectConfig()
    candidates = forest.candidates if isinstance(forest, Forest) else forest
    scores = np.asarray(scores, float)
    if scores.shape not in ((len(candidates),), (len(candidates), len(THRESHOLDS))):
        raise ValueError(
            f"scores must be ({len(candidates)},) or ({len(candidates)}, {len(THRESHOLDS)}), "
            f"got {scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("scores hold NaN or infinite values")
    certain = scores.ndim == 1
    probability = hits(scores) if certain else scores
    margin, bias = (0.0, 0.0) if certain else (config.margin, config.split_bias)
    level = np.full(len(THRESHOLDS), 0.5)
    weight = np.ones(len(THRESHOLDS))
    penalty = np.where(_is_reference(candidates, config.reference_extent), 0, margin)
    chosen = np.empty(0, np.int64)
    for iteration in range(config.iterations):
        unit, cost = (weight * (1 + level)).mean(), (weight * level).mean()
        gain = (probability @ (weight * (1 + level)) - (weight * level).sum()) / weight.size
        if allowed is not None:
            gain[~allowed] = -np.inf
        before = chosen
        chosen, best = best_set(candidates, gain, penalty * unit)
        if iteration and np.array_equal(before, chosen):
            break
        hit = probability[chosen].sum(axis=0)
        denominator = np.maximum(2 * chosen.size - hit, 1.0)
        level = hit / denominator
        weight = denominator.mean() / denominator
    if bias:
        low = (NEGLIGIBLE if bias < 0 else CREDIBLE) * unit - cost
        chosen, best = best_set(candidates, gain, penalty * unit, bias, low)
    return Selection(chosen, gain / unit, best)


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


def _is_reference(candidates: Candidates, level: float) -> np.ndarray:
    """The first candidate of each node that is cut at the level or above, else its last."""
    node = candidates.node
    above = candidates.threshold >= level - 1e-6
    first = np.ones(node.size, bool)
    first[1:] = (node[1:] != node[:-1]) | ~above[:-1]
    last = np.ones(node.size, bool)
    last[:-1] = node[1:] != node[:-1]
    return np.where(above, first, last)


@njit(cache=True)
def _best_set(node_of, gain, penalty, left, right, bias, low):
    n_nodes = left.size
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
