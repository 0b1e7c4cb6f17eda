"""The metric to expect of the nuclei kept in an image, estimated without ground truth."""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.forest import Candidates

DOUBTFUL = 0.35
"""An image with a lower predicted mAP has likely failed; docs/results.md says how often it has."""

FAILED = 0.3
"""An image with a lower true mAP has failed."""


def predicted_map(
    candidates: Candidates, chosen: np.ndarray, kept: np.ndarray, found: np.ndarray
) -> float:
    """Score of the image to expect in the competition metric.

    The mean over the thresholds of A / (K + N - A), with A expected hits among K nuclei kept. The
    number of true nuclei N is estimated by K, as if every nucleus kept stood for a true one, well
    outlined or not, plus those expected to be missed, see `expected_missed`.

    Parameters
    ----------
    candidates : Candidates
    chosen : (m,) integer
        The candidates kept.
    kept : (m, 10) floating
        Probability of each of them to exceed each threshold, calibrated on kept ones.
    found : (n,) floating
        Probability of each candidate to exceed the lowest threshold, calibrated on all.

    Returns
    -------
    float
        From 0 to 1; 0 where nothing is kept.
    """
    hits = np.asarray(kept, float).sum(axis=0)
    return expected_map(hits, len(chosen), expected_missed(candidates, chosen, found))


def expected_map(hits: np.ndarray, kept: int, missed: float) -> float:
    """Score to expect of an image from its expected hits, as `predicted_map` explains.

    Parameters
    ----------
    hits : (10,) floating
        Expected number of hits at each threshold.
    kept : int
        Number of nuclei kept.
    missed : float
        Number of true nuclei to expect besides.

    Examples
    --------
    >>> expected_map(np.full(10, 2.0), 2, 0), expected_map(np.full(10, 1.0), 1, 1)
    (1.0, 0.5)
    """
    return float(np.mean(hits / (2 * kept + missed - hits))) if kept else 0.0


def expected_missed(candidates: Candidates, chosen: np.ndarray, found: np.ndarray) -> float:
    """Number of true nuclei to expect where nothing is kept.

    Parameters
    ----------
    candidates, chosen, found
        As for `predicted_map`.

    Returns
    -------
    float
        Largest sum of the probabilities of disjoint candidates beside all chosen ones.
    """
    tree = candidates.tree
    found = np.ascontiguousarray(found, float)
    chosen = np.asarray(chosen, np.int64)
    return _missed(
        candidates.node, found, chosen, tree.left, tree.right, tree.parent, tree.first, tree.last
    )


def map_correlation(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Compare the predicted with the true mAP of the images.

    Parameters
    ----------
    predicted, true : (n,) floating
        Of each image, out of fold: ``CrossFit.predicted_map`` and ``row.score(chosen)``.

    Returns
    -------
    dict
        ``spearman``, the rank correlation (NaN where one of them is constant);
        ``mean_absolute_error``; ``bias``, the mean of predicted less true; ``failed``, the share
        of images below `FAILED`; ``warned``, the share predicted below `DOUBTFUL`;
        ``warned_failed``, how many of these have failed, and ``failed_warned``, the reverse (NaN
        without any).

    Examples
    --------
    >>> report = map_correlation(np.array([0.2, 0.6, 0.9]), np.array([0.1, 0.7, 0.8]))
    >>> report["spearman"], round(report["bias"], 3), report["warned_failed"]
    (1.0, 0.033, 1.0)
    """
    from scipy.stats import spearmanr  # slow to import, and needed for this report only

    predicted, true = np.asarray(predicted, float), np.asarray(true, float)
    constant = np.ptp(predicted) == 0 or np.ptp(true) == 0
    warned, failed = predicted < DOUBTFUL, true < FAILED
    return {
        "spearman": np.nan if constant else float(spearmanr(predicted, true).statistic),
        "mean_absolute_error": float(np.abs(predicted - true).mean()),
        "bias": float((predicted - true).mean()),
        "warned": float(warned.mean()),
        "failed": float(failed.mean()),
        "warned_failed": float(failed[warned].mean()) if warned.any() else np.nan,
        "failed_warned": float(warned[failed].mean()) if failed.any() else np.nan,
    }


@njit(cache=True)
def _missed(node_of, found, chosen, left, right, parent, first, last):
    n_nodes = left.size
    # Number of leaves before each that lie in a chosen candidate.
    taken = np.zeros(n_nodes + 1, np.int64)
    for i in chosen:
        for leaf in range(first[node_of[i]], last[node_of[i]]):
            taken[leaf + 1] = 1
    taken = np.cumsum(taken)
    value = np.zeros(n_nodes)
    for i in range(node_of.size):
        node = node_of[i]
        if taken[first[node]] == taken[last[node]]:
            value[node] = max(value[node], found[i])
    total = 0.0
    for node in range(n_nodes):
        if left[node] >= 0:
            value[node] = max(value[node], value[left[node]] + value[right[node]])
        if parent[node] < 0:
            total += value[node]
    return total
