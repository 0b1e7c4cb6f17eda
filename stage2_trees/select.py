"""The best set of disjoint candidates: an exact dynamic program over the forest.

Candidates of different nodes are nested or disjoint, those of one node are nested. So the best
disjoint set below a node is either one of its own candidates, or the best sets of its two parts:
V(node) = max(best gain among its candidates, V(left) + V(right), 0), bottom up.

The gain of a candidate is what it adds to the metric. Per threshold t the image scores
A / (K + N - A), with A hits among K kept candidates and N true nuclei. A candidate that hits with
probability h adds h to A and 1 to K; to first order the score rises by (h (1 + P) - P) / D, where
D = K + N - A and P = A / D, the score so far. P and D are taken from the set chosen before, N is
estimated by K, and a few rounds settle both.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.config import SelectConfig
from stage2_trees.forest import Candidates, Forest

THRESHOLDS = np.arange(10, 20) / 20
"""IoU thresholds of the metric, 0.50, 0.55, ..., 0.95."""


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
    margin, split_bias = (0.0, 0.0) if certain else (config.margin, config.split_bias)
    level = np.full(len(THRESHOLDS), 0.5)
    weight = np.ones(len(THRESHOLDS))
    penalty = np.where(_is_reference(candidates, config.reference_extent), 0, margin)
    chosen = np.empty(0, np.int64)
    for iteration in range(config.iterations):
        unit = (weight * (1 + level)).mean()
        gain = (probability @ (weight * (1 + level)) - (weight * level).sum()) / weight.size
        before = chosen
        chosen = best_set(candidates, gain, penalty * unit, split_bias * unit)
        if iteration and np.array_equal(before, chosen):
            break
        hit = probability[chosen].sum(axis=0)
        denominator = np.maximum(2 * chosen.size - hit, 1.0)
        level = hit / denominator
        weight = denominator.mean() / denominator
    return chosen


def best_set(
    candidates: Candidates,
    gain: np.ndarray,
    penalty: np.ndarray | float = 0.0,
    split_bias: float = 0.0,
) -> np.ndarray:
    """Find the disjoint set with the largest sum of gains, exactly.

    Parameters
    ----------
    candidates : Candidates
    gain : (n,) float64
        What each candidate adds; a candidate with gain 0 or less is never chosen.
    penalty : (n,) float64
        Taken off the gain in the choice among the candidates of one node, and only there.
    split_bias : float
        Added to the sum of two parts that are both worth something, against their union.

    Returns
    -------
    (m,) int64, ascending
    """
    tree = candidates.tree
    penalty = np.broadcast_to(np.asarray(penalty, float), gain.shape)
    return _best_set(
        candidates.node,
        np.ascontiguousarray(gain, float),
        np.ascontiguousarray(penalty),
        tree.left,
        tree.right,
        tree.parent,
        float(split_bias),
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
def _best_set(node_of, gain, penalty, left, right, parent, split_bias):
    n_nodes = left.size
    best = np.full(n_nodes, -1, np.int64)
    for i in range(node_of.size):
        node = node_of[i]
        if best[node] < 0 or gain[i] - penalty[i] > gain[best[node]] - penalty[best[node]]:
            best[node] = i
    value = np.zeros(n_nodes)
    whole = np.zeros(n_nodes, np.bool_)
    for node in range(n_nodes):
        parts, bias = 0.0, 0.0
        if left[node] >= 0:
            a, b = value[left[node]], value[right[node]]
            parts = a + b
            if a > 0 and b > 0:
                bias = split_bias
        own = gain[best[node]] if best[node] >= 0 else 0.0
        whole[node] = own > 0 and own >= parts + bias
        value[node] = own if whole[node] else parts
    inside = np.zeros(n_nodes, np.bool_)
    chosen = np.zeros(node_of.size, np.bool_)
    for node in range(n_nodes - 1, -1, -1):
        if parent[node] >= 0 and (inside[parent[node]] or whole[parent[node]]):
            inside[node] = True
        elif whole[node]:
            chosen[best[node]] = True
    return np.flatnonzero(chosen)
