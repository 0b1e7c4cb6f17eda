"""The second stage in one call: maps in, separated and scored nuclei out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stage2_trees.config import ForestConfig, SelectConfig
from stage2_trees.features import forest_features
from stage2_trees.forest import Forest, build_forest
from stage2_trees.overview import Overview
from stage2_trees.quality import expected_map, expected_missed
from stage2_trees.regressor import IoURegressor
from stage2_trees.select import Rates, Selection, settle


@dataclass(frozen=True, eq=False)
class Split:
    """The chosen nuclei of one image.

    Attributes
    ----------
    labels : (H, W) int32
        1..n from top to bottom, those added afterwards last; 0 = background.
    predicted_iou : (n,) float32
        IoU with the true nucleus to expect of label i + 1.
    threshold : (n,) float32
        Body level that label i + 1 was cut at.
    chosen : (n,) int64
        Candidate of each label.
    scores : (n_candidates, 2) float64
        Raw scores of every candidate, from which other selections can be made.
    candidate_iou : (n_candidates,) float32
        IoU to expect of every candidate, were it chosen.
    gain : (n_candidates,) float64
    best : (n_nodes,) int64
        As in `stage2_trees.select.Selection`.
    kept : (k,) int64
        All candidates that were chosen, those included that ``min_iou`` has dropped.
    hits : (k, 10) float64
        Probability of each of these to exceed each threshold of the metric.
    missed : float
        Number of true nuclei to expect where nothing was chosen.
    forest : Forest
    """

    labels: np.ndarray
    predicted_iou: np.ndarray
    threshold: np.ndarray
    chosen: np.ndarray
    scores: np.ndarray
    candidate_iou: np.ndarray
    gain: np.ndarray
    best: np.ndarray
    kept: np.ndarray
    hits: np.ndarray
    missed: float
    forest: Forest

    @property
    def predicted_map(self) -> float:
        """Score of the image to expect before ``min_iou`` drops any nuclei."""
        return expected_map(self.hits.sum(axis=0), len(self.kept), self.missed)

    def only(self, keep: np.ndarray) -> Split:
        """The same without some of its nuclei, as ``min_iou`` drops them; labels count from 1.

        Parameters
        ----------
        keep : (n,) bool
            By label.
        """
        new = np.append(0, np.where(keep, np.cumsum(keep), 0)).astype(self.labels.dtype)
        return replace(
            self,
            labels=new[self.labels],
            predicted_iou=self.predicted_iou[keep],
            threshold=self.threshold[keep],
            chosen=self.chosen[keep],
        )


def split_maps(
    maps: np.ndarray,
    regressor: IoURegressor,
    config: ForestConfig | None = None,
    *,
    min_iou: float = 0.0,
    min_area: int = 0,
    selection: SelectConfig | None = None,
    overview: Overview | None = None,
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
    min_area : int
        Candidates of fewer pixels are not chosen, so that others may take their place.
    selection : SelectConfig, optional
    overview : Overview, optional
        Of the image that the maps are a part of, from `survey_maps`; by default their own.

    Raises
    ------
    ValueError
        If the maps are malformed, ``min_iou`` lies outside [0, 1], ``min_area`` is below 0, or
        the regressor is not fitted.
    """
    forest = build_forest(maps, config)
    scores = regressor.predict_raw(forest_features(forest, overview.summary if overview else None))
    return choose(
        forest,
        scores,
        regressor,
        min_iou=min_iou,
        min_area=min_area,
        selection=selection,
        rates=overview.rates if overview else None,
    )


def choose(
    forest: Forest,
    scores: np.ndarray,
    regressor: IoURegressor,
    *,
    min_iou: float = 0.0,
    min_area: int = 0,
    selection: SelectConfig | None = None,
    rates: Rates | None = None,
) -> Split:
    """Select from a forest whose candidates are scored already, and paint the result.

    Parameters
    ----------
    forest : Forest
    scores : (n, 2) floating
        Raw scores of each candidate, from ``regressor.predict_raw``.
    regressor, min_iou, min_area, selection
        As for `split_maps`.
    rates : Rates, optional
        Of the image that the forest is a part of; by default its own.

    Raises
    ------
    ValueError
        As `split_maps`.
    """
    if not 0 <= min_iou <= 1:
        raise ValueError(f"min_iou must lie in [0, 1], got {min_iou}")
    if min_area < 0:
        raise ValueError(f"min_area must be 0 or more, got {min_area}")
    hits, allowed = regressor.to_hits(scores), forest.area >= min_area
    selected = settle(forest, hits, selection, allowed, rates)
    iou = regressor.to_iou(scores)
    chosen = selected.chosen[iou[selected.chosen] >= min_iou]
    candidates = forest.candidates
    box = forest.sums.box[candidates.node[chosen], candidates.step[chosen] - 1]
    chosen = chosen[np.lexsort((box[:, 1], box[:, 0]))]
    return split_of(forest, scores, regressor, selected, chosen)


def split_of(
    forest: Forest,
    scores: np.ndarray,
    regressor: IoURegressor,
    selected: Selection,
    chosen: np.ndarray,
) -> Split:
    """Paint the candidates chosen, in the order of their labels, and tell what to expect of them.

    Parameters
    ----------
    forest, scores, regressor
        As for `choose`.
    selected : Selection
        All that are kept; ``gain`` is minus infinity where a candidate is not allowed.
    chosen : (n,) int64
        Those of them that are drawn.
    """
    iou, candidates = regressor.to_iou(scores), forest.candidates
    found = np.where(np.isfinite(selected.gain), regressor.to_hits(scores)[:, 0], 0)
    return Split(
        labels=forest.paint(chosen),
        predicted_iou=iou[chosen],
        threshold=candidates.threshold[chosen],
        chosen=chosen,
        scores=scores,
        candidate_iou=iou,
        gain=selected.gain,
        best=selected.best,
        kept=selected.chosen,
        hits=regressor.to_hits(scores[selected.chosen], chosen=True),
        missed=expected_missed(candidates, selected.chosen, found),
        forest=forest,
    )
