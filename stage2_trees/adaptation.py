"""A fitted second stage learns from a few more images, without those it was fitted on.

To every booster trees are added that are fitted to what it gets wrong on the new images; how many
is told by cross-validation, and may be none. The calibrations become weighted means of the old
ones and of those of the new images, by how many images there are. What is learnt is used only where
it helps on images left out, by more than chance would have it: few images mislead easily.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from stage2_trees.calibration import HITS, IOU, CalibrationSet
from stage2_trees.config import AdaptConfig, RegressorConfig, SelectConfig
from stage2_trees.regressor import IoURegressor, targets_of
from stage2_trees.training import (
    CrossFit,
    ImageRows,
    checked_folds,
    choose_out_of_fold,
    fit_calibrations,
    image_weights,
    stack_rows,
)


@dataclass(frozen=True, eq=False)
class Adapted:
    """A second stage that has learnt from new images.

    Attributes
    ----------
    after : CrossFit
        The adapted regressor, and what it does on new images that it has not learnt from.
    before : CrossFit
        What the old regressor does on them.
    selects, tells : bool
        Whether it chooses nuclei by what it has learnt, and whether it tells their IoU by that;
        where not, it does so as before.
    rounds : (int, int)
        Trees added to each booster of the score to select by, and of the IoU.
    """

    after: CrossFit
    before: CrossFit
    selects: bool
    tells: bool
    rounds: tuple[int, int]


def adapt(
    regressor: IoURegressor,
    rows: Sequence[ImageRows],
    folds: ArrayLike,
    config: AdaptConfig | None = None,
    selection: SelectConfig | None = None,
) -> Adapted:
    """Let a fitted regressor learn from the candidates of a few more images.

    Parameters
    ----------
    regressor : IoURegressor
        Fitted and calibrated; it stays as it is.
    rows : sequence of ImageRows
        From `training_rows`, one per image, by the settings of the forest it was fitted with.
    folds : sequence of int
        Fold of each image, for the cross-validation.
    config : AdaptConfig, optional
    selection : SelectConfig, optional

    Returns
    -------
    Adapted

    Raises
    ------
    ValueError
        If there are fewer than two folds, not one fold per image, or no candidates to learn from.
    """
    config = config or AdaptConfig()
    folds = checked_folds(rows, folds)
    grown = _booster_config(regressor, config)
    old = [regressor.predict_raw(row.features) for row in rows]
    rounds, new = _cross_validate(regressor, rows, folds, config)
    blended = _blended(regressor.calibration_, rows, new, config.prior_images)

    @cache
    def attempt(selects: bool, tells: bool) -> CrossFit:
        raw = [
            np.stack([(b if use else a)[:, i] for i, use in enumerate((selects, tells))], axis=1)
            for a, b in zip(old, new, strict=True)
        ]

        def tables(use: np.ndarray, chosen: Sequence[np.ndarray] | None) -> CalibrationSet:
            theirs, ours = regressor.calibration_, blended(use, chosen)
            picking, telling = ours if selects else theirs, ours if tells else theirs
            return replace(picking, chosen_iou=telling.chosen_iou)

        added = (rounds[HITS] * selects, rounds[IOU] * tells)
        fitted = regressor.extend(*stack_rows(rows), added, grown)
        return choose_out_of_fold(rows, folds, raw, fitted, tables, selection)

    before = attempt(False, False)
    selects = _better(_scores(rows, attempt(True, False)), _scores(rows, before))
    tells = _better(-_errors(rows, attempt(selects, True)), -_errors(rows, attempt(selects, False)))
    added = (rounds[HITS] * selects, rounds[IOU] * tells)
    return Adapted(attempt(selects, tells), before, selects, tells, added)


def _scores(rows: Sequence[ImageRows], fitted: CrossFit) -> np.ndarray:
    """Score of each image."""
    pairs = zip(rows, fitted.chosen, strict=True)
    return np.array([row.score(chosen) for row, chosen in pairs])


def _errors(rows: Sequence[ImageRows], fitted: CrossFit) -> np.ndarray:
    """Mean error of the predicted IoU of each image in which nuclei were chosen."""
    three = zip(rows, fitted.chosen, fitted.predicted_iou, strict=True)
    return np.array([np.abs(row.iou[c] - told).mean() for row, c, told in three if c.size])


def _better(new: np.ndarray, old: np.ndarray) -> bool:
    """Tell whether the mean over the images has risen by more than its standard error."""
    gain = new - old
    return bool(gain.size and gain.mean() > gain.std() / np.sqrt(gain.size))


def _blended(
    old: CalibrationSet, rows: Sequence[ImageRows], raw: list[np.ndarray], prior_images: float
) -> Callable[[np.ndarray, Sequence[np.ndarray] | None], CalibrationSet]:
    """Return ``tables(use, chosen)`` for `choose_out_of_fold`, which remember the old tables."""

    def tables(use: np.ndarray, chosen: Sequence[np.ndarray] | None) -> CalibrationSet:
        share = use.sum() / (use.sum() + prior_images)
        return old.blend(fit_calibrations(rows, raw, use, chosen), share)

    return tables


def _cross_validate(
    regressor: IoURegressor,
    rows: Sequence[ImageRows],
    folds: np.ndarray,
    config: AdaptConfig,
) -> tuple[tuple[int, int], list[np.ndarray]]:
    """Find how many trees to add to each raw score; return the scores out of fold with them, too.

    That is the number with the smallest squared error, every image counting the same.
    """
    steps = config.steps
    most = (steps[-1], steps[-1])
    staged: list[np.ndarray] = [np.zeros((len(steps), 0, 2))] * len(rows)
    for fold in np.unique(folds):
        others = [rows[i] for i in np.flatnonzero(folds != fold).tolist()]
        model = regressor.extend(*stack_rows(others), most, _booster_config(regressor, config))
        for i in np.flatnonzero(folds == fold).tolist():
            features = rows[i].features
            staged[i] = np.stack([model.predict_raw(features, steps[-1] - n) for n in steps])
    truth = np.concatenate([targets_of(row.iou, regressor.config) for row in rows])
    weights = image_weights([len(row.iou) for row in rows])
    wrong = (np.concatenate(staged, axis=1) - truth) ** 2
    best = np.average(wrong, axis=1, weights=weights).argmin(axis=0)
    rounds = (steps[best[0]], steps[best[1]])
    return rounds, [scores[best, :, (0, 1)].T for scores in staged]


def _booster_config(regressor: IoURegressor, config: AdaptConfig) -> RegressorConfig:
    """How the added trees are grown: few leaves, held back, for there are few rows."""
    return (regressor.config or RegressorConfig()).model_copy(
        update={
            "learning_rate": config.learning_rate,
            "leaves": config.leaves,
            "min_rows": config.min_rows,
            "l2": config.l2,
        }
    )
