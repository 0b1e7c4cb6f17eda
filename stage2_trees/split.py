"""The second stage in one call: maps in, separated and scored nuclei out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stage2_trees.config import ForestConfig, SelectConfig
from stage2_trees.features import forest_features
from stage2_trees.forest import Forest, build_forest
from stage2_trees.regressor import IoURegressor
from stage2_trees.select import select


@dataclass(frozen=True, eq=False)
class Split:
    """The chosen nuclei of one image.

    Attributes
    ----------
    labels : (H, W) int32
        1..n from top to bottom, 0 = background.
    predicted_iou : (n,) float32
        IoU with the true nucleus to expect of label i + 1.
    threshold : (n,) float32
        Body level that label i + 1 was cut at.
    chosen : (n,) int64
        Candidate of each label.
    scores : (n_candidates,) float64
        Raw score of every candidate, from which other selections can be made.
    forest : Forest
    """

    labels: np.ndarray
    predicted_iou: np.ndarray
    threshold: np.ndarray
    chosen: np.ndarray
    scores: np.ndarray
    forest: Forest


def split_maps(
    maps: np.ndarray,
    regressor: IoURegressor,
    config: ForestConfig | None = None,
    *,
    min_iou: float = 0.0,
    selection: SelectConfig | None = None,
) -> Split:
    """Choose the best nuclei that any threshold of the maps could give.

    Parameters
    ----------
    maps : (3, H, W) floating
        Probabilities of body, border and separation.
    regressor : IoURegressor
        Fitted and calibrated.
    config : ForestConfig, optional
        The same as in training.
    min_iou : float
        Chosen nuclei with a lower predicted IoU are dropped.
    selection : SelectConfig, optional

    Raises
    ------
    ValueError
        If the maps are malformed, ``min_iou`` lies outside [0, 1], or the regressor is not fitted.
    """
    if not 0 <= min_iou <= 1:
        raise ValueError(f"min_iou must lie in [0, 1], got {min_iou}")
    forest = build_forest(maps, config)
    scores = regressor.predict_raw(forest_features(forest))
    return choose(forest, scores, regressor, min_iou=min_iou, selection=selection)


def choose(
    forest: Forest,
    scores: np.ndarray,
    regressor: IoURegressor,
    *,
    min_iou: float = 0.0,
    selection: SelectConfig | None = None,
) -> Split:
    """Select from a forest whose candidates are scored already, and paint the result."""
    chosen = select(forest, regressor.to_hits(scores), selection)
    predicted = regressor.to_iou(scores[chosen])
    keep = predicted >= min_iou
    chosen, predicted = chosen[keep], predicted[keep]
    candidates = forest.candidates
    box = forest.sums.box[candidates.node[chosen], candidates.step[chosen] - 1]
    order = np.lexsort((box[:, 1], box[:, 0]))
    chosen, predicted = chosen[order], predicted[order]
    labels = forest.paint(chosen)
    return Split(labels, predicted, candidates.threshold[chosen], chosen, scores, forest)
