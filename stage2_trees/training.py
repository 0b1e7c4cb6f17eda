"""Fitting the second stage: true IoU of the candidates, folds by image, calibration out of fold.

All predictions that anything is tuned or reported on come from boosters, and from a calibration,
that have not seen the image's fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stage2_trees.calibration import HITS, IOU, Calibration, CalibrationSet
from stage2_trees.config import ForestConfig, RecutConfig, RegressorConfig, SelectConfig
from stage2_trees.features import forest_features
from stage2_trees.forest import Candidates, Forest, build_forest
from stage2_trees.quality import predicted_map
from stage2_trees.recut import build_recut
from stage2_trees.regressor import IoURegressor
from stage2_trees.select import metric_score, select
from stage2_trees.truth import true_iou

MOST_ROWS = 1000
"""Candidates of one image that the trees are fitted to; more of them weigh no more."""


@dataclass(frozen=True, eq=False)
class ImageRows:
    """What training keeps of one image; its pixels are let go.

    Attributes
    ----------
    candidates : Candidates
    features : (n, len(FEATURE_NAMES)) float32
    iou : (n,) float32
        True IoU of each candidate.
    n_true : int
        Number of true nuclei.
    """

    candidates: Candidates
    features: np.ndarray
    iou: np.ndarray
    n_true: int

    def score(self, chosen: np.ndarray) -> float:
        """Competition metric of the image if these candidates are kept.

        The holes that `Forest.paint` closes between leaves are not counted here.
        """
        return metric_score(self.iou[chosen], self.n_true)


@dataclass(frozen=True, eq=False)
class CrossFit:
    """A fitted second stage, and what it does on images it was not fitted on.

    Attributes
    ----------
    regressor : IoURegressor
        Fitted on all images, calibrated on the out-of-fold predictions.
    chosen : list of (m,) int64
        Per image the candidates selected out of fold.
    predicted_iou : list of (m,) float32
        Their predicted IoU, out of fold.
    predicted_map : (n_images,) float64
        Predicted score of each image, out of fold.
    raw : list of (n, 2) float64
        Out-of-fold raw scores of every candidate.
    """

    regressor: IoURegressor
    chosen: list[np.ndarray]
    predicted_iou: list[np.ndarray]
    predicted_map: np.ndarray
    raw: list[np.ndarray]


def build_candidates(maps: np.ndarray, config: ForestConfig | RecutConfig) -> Forest:
    """Build the candidates of all thresholds, or of a few, as the kind of `config` says."""
    if isinstance(config, RecutConfig):
        return build_recut(maps, config)
    return build_forest(maps, config)


def training_rows(
    maps: np.ndarray, truth: np.ndarray, config: ForestConfig | RecutConfig | None = None
) -> ImageRows:
    """Build the candidates of one image, describe them and look up how good they are.

    Parameters
    ----------
    maps : (3, H, W) floating
        Out-of-fold maps of the image.
    truth : (H, W) integer
        Its true labels.
    config : ForestConfig or RecutConfig, optional
    """
    forest = build_candidates(maps, config or ForestConfig())
    n_true = int(np.count_nonzero(np.unique(truth)))
    return ImageRows(forest.candidates, forest_features(forest), true_iou(forest, truth), n_true)


def image_weights(counts: ArrayLike, shares: ArrayLike | None = None) -> np.ndarray:
    """Weight of every row, given the number of rows of each image; the mean weight is 1.

    The rows of an image share its weight, which is the same for all images unless `shares` are
    given.

    Examples
    --------
    >>> image_weights([1, 3]).round(2).tolist()
    [2.0, 0.67, 0.67, 0.67]
    >>> image_weights([1, 3], [1, 3]).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    counts = np.asarray(counts, int)
    shares = np.ones(counts.size) if shares is None else np.asarray(shares, float)
    filled = counts > 0
    weights = np.repeat(shares[filled] / counts[filled], counts[filled])
    return weights * (weights.size / weights.sum()) if weights.size else weights


def cross_val_predict(
    rows: Sequence[ImageRows],
    folds: ArrayLike,
    config: RegressorConfig | None = None,
    *,
    apart: ArrayLike | None = None,
    shares: ArrayLike | None = None,
) -> list[np.ndarray]:
    """Raw scores of every candidate by boosters that have not seen its image.

    Parameters
    ----------
    rows, folds, config, apart, shares
        As for `cross_fit`.

    Returns
    -------
    list of (n, 2) float64, one per image

    Raises
    ------
    ValueError
        If there are fewer than two folds, or not one fold per image.
    """
    folds = checked_folds(rows, folds, apart)
    out: list[np.ndarray] = [np.zeros((0, 2))] * len(rows)
    for fold in np.unique(folds):
        learn = np.flatnonzero(_learnt_from(fold, folds, apart))
        model = IoURegressor(config).fit(*stack_rows(rows, learn, shares))
        for i in np.flatnonzero(folds == fold).tolist():
            out[i] = model.predict_raw(rows[i].features)
    return out


def cross_fit(
    rows: Sequence[ImageRows],
    folds: ArrayLike,
    config: RegressorConfig | None = None,
    selection: SelectConfig | None = None,
    *,
    apart: ArrayLike | None = None,
    shares: ArrayLike | None = None,
) -> CrossFit:
    """Fit the second stage by folds for an honest score, then on everything for use.

    Parameters
    ----------
    rows : sequence of ImageRows
        From `training_rows`, one per image; an image whose maps were made by two networks may come
        twice.
    folds : sequence of int
        Fold of each image, the same as the network's: what scores it has not learnt from this fold.
    config : RegressorConfig, optional
    selection : SelectConfig, optional
    apart : sequence of int, optional
        A second fold of each image that does not learn from it either. So an image that comes
        twice, once per network, stays unseen by both folds.
    shares : sequence of float, optional
        Weight of each image, in the trees and in the calibration; by default all alike.

    Raises
    ------
    ValueError
        If there are fewer than two folds, not one fold per image, or no candidates to learn from.
    """
    folds = checked_folds(rows, folds, apart)
    raw = cross_val_predict(rows, folds, config, apart=apart, shares=shares)

    def tables(use: np.ndarray, chosen: Sequence[np.ndarray] | None) -> CalibrationSet:
        return fit_calibrations(rows, raw, use, chosen, shares)

    regressor = IoURegressor(config).fit(*stack_rows(rows, shares=shares))
    return choose_out_of_fold(rows, folds, raw, regressor, tables, selection, apart)


def choose_out_of_fold(
    rows: Sequence[ImageRows],
    folds: ArrayLike,
    raw: list[np.ndarray],
    regressor: IoURegressor,
    tables: Callable[[np.ndarray, Sequence[np.ndarray] | None], CalibrationSet],
    selection: SelectConfig | None = None,
    apart: ArrayLike | None = None,
) -> CrossFit:
    """Select in every image by calibrations that have not seen it, and calibrate for use.

    Parameters
    ----------
    rows, folds, selection, apart
        As for `cross_fit`.
    raw : list of (n, 2) float64
        Raw scores of every candidate, out of fold.
    regressor : IoURegressor
        Fitted on all images; it is calibrated here.
    tables : callable
        ``tables(use, chosen)`` gives the calibrations by the images of a mask, and by what was
        chosen in each image, if anything has been yet.
    """
    folds = np.asarray(folds)
    chosen: list[np.ndarray] = [np.zeros(0, np.int64)] * len(rows)
    found: list[np.ndarray] = [np.zeros(0)] * len(rows)
    for fold in np.unique(folds):
        table = tables(_learnt_from(fold, folds, apart), None)
        for i in np.flatnonzero(folds == fold).tolist():
            hit = table.to_hits(raw[i])
            chosen[i], found[i] = select(rows[i].candidates, hit, selection), hit[:, 0]
    predicted: list[np.ndarray] = [np.zeros(0, np.float32)] * len(rows)
    maps = np.zeros(len(rows))
    for fold in np.unique(folds):
        table = tables(_learnt_from(fold, folds, apart), chosen)
        for i in np.flatnonzero(folds == fold).tolist():
            scores = raw[i][chosen[i]]
            predicted[i] = table.to_iou(scores)
            hit = table.to_hits(scores, chosen=True)
            maps[i] = predicted_map(rows[i].candidates, chosen[i], hit, found[i])
    regressor.calibrate(tables(np.ones(len(rows), bool), chosen))
    return CrossFit(regressor, chosen, predicted, maps, raw)


def _learnt_from(fold: int, folds: np.ndarray, apart: ArrayLike | None) -> np.ndarray:
    """Mask of the images that what scores a fold may learn from, (n_images,) bool."""
    learnt = np.asarray(folds) != fold
    return learnt if apart is None else learnt & (np.asarray(apart) != fold)


def checked_folds(
    rows: Sequence[ImageRows], folds: ArrayLike, apart: ArrayLike | None = None
) -> np.ndarray:
    """Return the folds as an array; `ValueError` as `cross_fit` says."""
    folds = np.asarray(folds)
    for given in (folds, folds if apart is None else np.asarray(apart)):
        if given.shape != (len(rows),):
            raise ValueError(f"{len(rows)} images need as many folds, got {given.shape}")
    if np.unique(folds).size < 2:
        raise ValueError(f"at least two folds are needed, got {np.unique(folds).tolist()}")
    for fold in np.unique(folds):
        learnt = _learnt_from(fold, folds, apart)
        if not any(len(row.candidates) for row, use in zip(rows, learnt, strict=True) if use):
            raise ValueError(f"no candidates outside fold {fold}: the maps show no nuclei")
    return folds


def stack_rows(
    rows: Sequence[ImageRows],
    use: ArrayLike | None = None,
    shares: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, IoU and weight of candidates of the images to use (all by default).

    The candidates of an image share its weight, see `image_weights`. Of an image with more than
    `MOST_ROWS` candidates so many are drawn, the same ones each time.
    """
    use = np.arange(len(rows)) if use is None else np.asarray(use)
    picks = [(rows[i], _drawn(len(rows[i].iou))) for i in use.tolist()]
    X = np.concatenate([row.features[pick] for row, pick in picks])
    y = np.concatenate([row.iou[pick] for row, pick in picks])
    counts = [min(len(row.iou), MOST_ROWS) for row, _ in picks]
    return X, y, image_weights(counts, None if shares is None else np.asarray(shares)[use])


def _drawn(count: int) -> slice | np.ndarray:
    """Draw at most `MOST_ROWS` of so many rows."""
    if count <= MOST_ROWS:
        return slice(None)
    return np.sort(np.random.default_rng(count).choice(count, MOST_ROWS, replace=False))


def fit_calibrations(
    rows: Sequence[ImageRows],
    raw: Sequence[np.ndarray],
    use: np.ndarray,
    chosen: Sequence[np.ndarray] | None = None,
    shares: ArrayLike | None = None,
) -> CalibrationSet:
    """Fit all tables on the images to use; until anything is chosen, on all candidates."""
    return CalibrationSet(
        _calibration(rows, raw, HITS, use, None, shares),
        _calibration(rows, raw, HITS, use, chosen, shares),
        _calibration(rows, raw, IOU, use, chosen, shares),
    )


def _calibration(
    rows: Sequence[ImageRows],
    raw: Sequence[np.ndarray],
    column: int,
    use: np.ndarray,
    chosen: Sequence[np.ndarray] | None,
    shares: ArrayLike | None,
) -> Calibration:
    """Fit on all candidates of the images to use, or on the chosen ones if there are any."""
    images = np.flatnonzero(use).tolist()
    if chosen is None or not any(len(chosen[i]) for i in images):
        chosen = [np.arange(len(row.iou)) for row in rows]
    scores = [raw[i][chosen[i], column] for i in images]
    iou = [rows[i].iou[chosen[i]] for i in images]
    shares = None if shares is None else np.asarray(shares)[images]
    weights = image_weights([len(part) for part in iou], shares)
    return Calibration.fit(np.concatenate(scores), np.concatenate(iou), weights)
