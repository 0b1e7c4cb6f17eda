"""Which candidates to keep: those that are expected to add most to the metric.

The gain of a candidate is what it adds to the metric. Per threshold t the image scores
A / (K + N - A), with A hits among K kept candidates and N true nuclei. A candidate that hits with
probability h adds h to A and 1 to K; to first order the score rises by (h (1 + P) - P) / D, where
D = K + N - A and P = A / D, the score so far. P and D are taken from the set chosen before, with N
the nuclei chosen and those expected to be missed; a few rounds settle all.

A bias towards merging or splitting lowers the bar that a union, or its parts, have to pass to
replace what is best, with everything else as settled without it.

A sensitivity moves the bar that a single candidate has to pass, with the rates and the set chosen
without it: above 0, candidates that pass the lower bar are kept beside that set, the best first;
below 0, those of the set that miss the higher bar are dropped. So the sets are nested.

At last, an outline bias draws those that are kept at lower or higher levels of the body map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stage2_trees.best_set import add_beside, best_set
from stage2_trees.config import SelectConfig
from stage2_trees.forest import Candidates, Forest
from stage2_trees.quality import expected_missed

THRESHOLDS = np.arange(10, 20) / 20
"""IoU thresholds of the metric, 0.50, 0.55, ..., 0.95."""

NEGLIGIBLE = 0.05
"""Hit rate that suffices for a union when the bias is -1, and for any nucleus beside those chosen
when the sensitivity is 1."""

CREDIBLE = 0.1
"""Hit rate that suffices for each part when the bias is 1."""

DEMANDING = 0.8
"""Hit rate that every nucleus needs when the sensitivity is -1."""


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


class Rates(NamedTuple):
    """How the metric of an image stands, and so what a hit is worth in it, at each threshold."""

    level: np.ndarray
    """(10,) float64, the score so far."""
    weight: np.ndarray
    """(10,) float64, what one nucleus more changes, relative to the mean over the thresholds."""


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
        taken as certain (true IoUs give the oracle), without margin, biases or sensitivity.
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
    rates: Rates | None = None,
) -> Selection:
    """Choose as `select` does, and tell what every candidate is worth beside those chosen.

    Parameters
    ----------
    forest, scores, config
        As for `select`.
    allowed : (n,) bool, optional
        The candidates that may be chosen; all of them by default.
    rates : Rates, optional
        Of the image that this forest is a part of, from `find_rates`; by default its own.

    Raises
    ------
    ValueError
        As for `select`.
    """
    config = config or SelectConfig()
    part = _Part.of(forest, scores, config, allowed)
    rates = _settle_rates([part], config.iterations) if rates is None else rates
    gain, unit, chosen, best = part.choose(rates)
    cost = (rates.weight * rates.level).mean()
    if config.split_bias and not part.certain:
        low = (NEGLIGIBLE if config.split_bias < 0 else CREDIBLE) * unit - cost
        penalty = part.penalty * unit
        chosen, best = best_set(part.candidates, gain, penalty, config.split_bias, low)
    if config.sensitivity > 0 and not part.certain:
        least = config.sensitivity * min(NEGLIGIBLE * unit - cost, 0.0)
        chosen = add_beside(part.candidates, gain, chosen, best, least)
    elif config.sensitivity < 0 and not part.certain:
        chosen = chosen[gain[chosen] > -config.sensitivity * (DEMANDING * unit - cost)]
    if config.outline_bias and not part.certain:
        redrawn = _redrawn(part.candidates.node, np.isfinite(gain), config.outline_bias)
        chosen, best = redrawn[chosen], np.where(best < 0, -1, redrawn[best])
    return Selection(chosen, gain / unit, best)


def find_rates(
    forests: Sequence[Forest | Candidates],
    scores: Sequence[np.ndarray],
    config: SelectConfig | None = None,
    allowed: Sequence[np.ndarray | None] | None = None,
) -> Rates:
    """Find what a hit is worth in an image of which these forests are samples.

    Parameters
    ----------
    forests, scores, config, allowed
        As for `settle`, one of each per sample.

    Raises
    ------
    ValueError
        As for `select`.
    """
    config = config or SelectConfig()
    masks = [None] * len(forests) if allowed is None else allowed
    samples = zip(forests, scores, masks, strict=True)
    return _settle_rates([_Part.of(f, s, config, a) for f, s, a in samples], config.iterations)


@dataclass(frozen=True, eq=False)
class _Part:
    """A forest, ready for one choice after the other."""

    candidates: Candidates
    probability: np.ndarray
    penalty: np.ndarray
    allowed: np.ndarray | None
    certain: bool

    @classmethod
    def of(cls, forest, scores, config, allowed) -> _Part:
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
        margin = 0.0 if certain else config.margin
        reference = _is_reference(candidates, config.reference_extent)
        return cls(candidates, probability, np.where(reference, 0, margin), allowed, certain)

    def choose(self, rates: Rates) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
        """The gain of every candidate, that of a certain hit at no cost, and the best set."""
        level, weight = rates
        unit = (weight * (1 + level)).mean()
        gain = (self.probability @ (weight * (1 + level)) - (weight * level).sum()) / weight.size
        if self.allowed is not None:
            gain[~self.allowed] = -np.inf
        return gain, unit, *best_set(self.candidates, gain, self.penalty * unit)

    def missed(self, chosen: np.ndarray) -> float:
        """Number of true nuclei to expect beside those chosen."""
        found = self.probability[:, 0]
        if self.allowed is not None:
            found = np.where(self.allowed, found, 0)
        return expected_missed(self.candidates, chosen, found)


def _settle_rates(parts: Sequence[_Part], iterations: int) -> Rates:
    rates = Rates(np.full(len(THRESHOLDS), 0.5), np.ones(len(THRESHOLDS)))
    before: list[np.ndarray] = []
    for _ in range(iterations - 1):
        chosen = [part.choose(rates)[2] for part in parts]
        if before and all(map(np.array_equal, before, chosen)):
            break
        before = chosen
        hit = sum(part.probability[i].sum(axis=0) for part, i in zip(parts, chosen, strict=True))
        missed = sum(part.missed(i) for part, i in zip(parts, chosen, strict=True))
        denominator = np.maximum(2 * sum(map(len, chosen)) + missed - hit, 1.0)
        rates = Rates(hit / denominator, denominator.mean() / denominator)
    return rates


def _redrawn(node: np.ndarray, allowed: np.ndarray, bias: float) -> np.ndarray:
    """The candidate of the same node that stands for each one when outlines are wider or tighter.

    A node's candidates follow each other, the widest first. One that may not be chosen, because it
    is too small, is left for what was drawn before.
    """
    number = np.arange(node.size)
    end = np.searchsorted(node, node, "left" if bias > 0 else "right") - (bias < 0)
    moved = number + np.rint(abs(bias) * (end - number)).astype(np.int64)
    return np.where(allowed[moved], moved, number)


def _is_reference(candidates: Candidates, level: float) -> np.ndarray:
    """The first candidate of each node that is cut at the level or above, else its last."""
    node = candidates.node
    above = candidates.threshold >= level - 1e-6
    first = np.ones(node.size, bool)
    first[1:] = (node[1:] != node[:-1]) | ~above[:-1]
    last = np.ones(node.size, bool)
    last[:-1] = node[1:] != node[:-1]
    return np.where(above, first, last)
