"""What the second stage must know of a whole image to cut any part of it alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stage2_trees.config import ForestConfig, SelectConfig
from stage2_trees.features import forest_features, image_summary
from stage2_trees.forest import build_forest
from stage2_trees.regressor import IoURegressor
from stage2_trees.select import Rates, find_rates


@dataclass(frozen=True)
class Overview:
    """An image at large: what its nuclei are like, and what a hit among them is worth."""

    summary: Mapping[str, float]
    """The features that all candidates of the image share, see `stage2_trees.image_summary`."""
    rates: Rates
    """From `stage2_trees.find_rates`."""

    @property
    def radius(self) -> float | None:
        """Typical radius of the nuclei, pixels; None where none was found."""
        radius = float(np.sqrt(np.exp(self.summary["image_log_area"]) / np.pi))
        return radius if np.isfinite(radius) else None

    def to_json(self) -> dict:
        """Plain numbers, from which `from_json` makes the same overview."""
        summary = {k: float(v) if np.isfinite(v) else None for k, v in self.summary.items()}
        return {"summary": summary, "rates": [rate.tolist() for rate in self.rates]}

    @classmethod
    def from_json(cls, values: dict) -> Overview:
        """Read what `to_json` wrote."""
        summary = {k: np.nan if v is None else v for k, v in values["summary"].items()}
        return cls(summary, Rates(*map(np.array, values["rates"])))


def survey_maps(
    samples: Sequence[np.ndarray],
    regressor: IoURegressor,
    config: ForestConfig | None = None,
    *,
    share: float = 1.0,
    min_area: int = 0,
    selection: SelectConfig | None = None,
) -> Overview:
    """Get to know an image from the maps of samples of it.

    Parameters
    ----------
    samples : sequence of (3, h, w) floating
        At least one.
    regressor : IoURegressor
    config : ForestConfig, optional
    share : float
        Of the image that the samples cover, above 0.
    min_area, selection
        As for `stage2_trees.split_maps`.

    Raises
    ------
    ValueError
        As for `stage2_trees.split_maps`.

    Examples
    --------
    Cut with an overview of itself, an image gives what it gives without:

        split_maps(maps, regressor, overview=survey_maps([maps], regressor))
    """
    forests = [build_forest(maps, config) for maps in samples]
    summary = image_summary(forests, share)
    hits = [regressor.to_hits(regressor.predict_raw(forest_features(f, summary))) for f in forests]
    allowed = [forest.area >= min_area for forest in forests]
    return Overview(summary, find_rates(forests, hits, selection, allowed))
