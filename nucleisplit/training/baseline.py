"""The opponent: the best that one fixed pair of thresholds can do on the same maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nucleisplit.metric import ImageScore, score_image
from stage2_trees import RecutConfig, ThresholdConfig, threshold_labels

from .pool import ImagePool

_CHOICES = {
    "body": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8),
    "seed": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    "border_weight": (0.0, 0.5, 1.0),
    "min_area": (12, 20, 30, 50),
    "min_seed_area": (4, 10, 20),
}
"""The values tried of each setting, one setting after the other, until a round changes nothing."""

_QUICK = ThresholdConfig(body=0.6, seed=0.5, border_weight=0.5, min_area=20)


def score_thresholds(
    maps: np.ndarray, truth: np.ndarray, name: str, config: ThresholdConfig
) -> ImageScore:
    """Score the fixed-threshold watershed on one image.

    Parameters
    ----------
    maps : ndarray, shape (3, H, W), float32
    truth : ndarray, shape (H, W), int32
    name : str
        Id of the image.
    config : ThresholdConfig

    Returns
    -------
    ImageScore
    """
    return score_image(threshold_labels(maps, config), truth, name)


def quick_map(maps: np.ndarray, truth: np.ndarray) -> float:
    """mAP of one image after a watershed with fixed settings, to compare networks in training.

    Parameters
    ----------
    maps : ndarray, shape (3, H, W), float32
    truth : ndarray, shape (H, W), int
        Labels below 0 are taken for background.
    """
    return score_image(threshold_labels(maps, _QUICK), np.maximum(truth, 0)).map


def tune_thresholds(
    pool: ImagePool,
    say: Callable[[str], None] = print,
    shares: Sequence[float] | None = None,
) -> ThresholdConfig:
    """Find the thresholds with the highest mean score, by coordinate search.

    They are tuned on the very images they are scored on, which favours them a little over the
    trees.

    Parameters
    ----------
    pool : ImagePool
    say : callable
        Takes one line per improvement.
    shares : sequence of float, optional
        Weight of each image in the mean score; by default all alike.

    Returns
    -------
    ThresholdConfig
    """
    names = [""] * pool.count
    reached: dict[ThresholdConfig, float] = {}

    def score(config: ThresholdConfig) -> float:
        if config not in reached:
            scores = [s.map for s in pool.map(score_thresholds, names, config=config)]
            reached[config] = float(np.average(scores, weights=shares))
        return reached[config]

    best, before = ThresholdConfig(), None
    while best != before:
        before = best
        for name, values in _CHOICES.items():
            for value in values:
                trial = best.model_copy(update={name: value})
                if score(trial) > score(best):
                    best = trial
                    say(f"  {name} = {value}: {score(best):.4f}")
    return best


def recut_of(thresholds: ThresholdConfig) -> RecutConfig:
    """Give the plain re-cut of the winning solution the thresholds that were tuned, too.

    Its regions are those of the tuned watershed, its cuts as many steps above their seed level as
    they are by default.

    Parameters
    ----------
    thresholds : ThresholdConfig

    Returns
    -------
    RecutConfig

    Examples
    --------
    >>> recut_of(ThresholdConfig(seed=0.4, body=0.7)).thresholds
    (0.4, 0.5, 0.6, 0.7)
    """
    usual = RecutConfig()
    lift = min(thresholds.seed, usual.seed) - usual.seed
    return usual.model_copy(
        update={
            "seed": round(usual.seed + lift, 4),
            "cuts": tuple(round(cut + lift, 4) for cut in usual.cuts),
            "core": None if usual.core is None else round(usual.core + lift, 4),
            "body": thresholds.body,
            "border_weight": thresholds.border_weight,
        }
    )
