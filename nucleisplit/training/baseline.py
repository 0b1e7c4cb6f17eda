"""The opponent: the best that one fixed pair of thresholds can do on the same maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nucleisplit.metric import ImageScore, score_image, summarize
from stage2_trees import ThresholdConfig, threshold_labels

_CHOICES = {
    "body": (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65),
    "seed": (0.4, 0.5, 0.6, 0.7, 0.8),
    "border_weight": (0.0, 0.5, 1.0),
    "min_area": (12, 20, 30, 50),
    "min_seed_area": (4, 10, 20),
}
"""The values tried of each setting, one setting after the other, twice."""


def score_thresholds(
    config: ThresholdConfig,
    maps: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    ids: Sequence[str],
) -> list[ImageScore]:
    """Score the fixed-threshold watershed on every image.

    Parameters
    ----------
    config : ThresholdConfig
    maps : sequence of ndarray, shape (3, H, W), uint8
        Maps in eight bits.
    truths : sequence of ndarray, shape (H, W), int32
    ids : sequence of str

    Returns
    -------
    list of ImageScore
    """
    return [
        score_image(threshold_labels(image / np.float32(255), config), truth, name)
        for image, truth, name in zip(maps, truths, ids, strict=True)
    ]


def tune_thresholds(
    maps: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    say: Callable[[str], None] = print,
) -> ThresholdConfig:
    """Find the thresholds with the highest mean score, by coordinate search.

    They are tuned on the very images they are scored on, which favours them a little over the
    trees.

    Parameters
    ----------
    maps, truths
        As in `score_thresholds`.
    say : callable
        Takes one line per improvement.

    Returns
    -------
    ThresholdConfig
    """
    ids = [""] * len(maps)

    def score(config: ThresholdConfig) -> float:
        return summarize(score_thresholds(config, maps, truths, ids)).map

    best = ThresholdConfig()
    highest = score(best)
    for _ in range(2):
        before = best
        for name, values in _CHOICES.items():
            for value in values:
                if value == getattr(best, name):
                    continue
                trial = best.model_copy(update={name: value})
                if (reached := score(trial)) > highest:
                    best, highest = trial, reached
                    say(f"  {name} = {value}: {highest:.4f}")
        if best == before:
            break
    return best
