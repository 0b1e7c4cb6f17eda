"""Maps to instances with one fixed pair of thresholds: the reference the forest has to beat."""

from __future__ import annotations

import numpy as np

from stage2_trees.config import ThresholdConfig
from stage2_trees.flood import flood
from stage2_trees.maps import BODY, check_maps, seed_levels, seed_map
from stage2_trees.pieces import find_pieces
from stage2_trees.runs import fill_gaps, label_components


def threshold_labels(maps: np.ndarray, config: ThresholdConfig | None = None) -> np.ndarray:
    """Cut the maps at fixed thresholds and grow the seeds to full nuclei.

    Seeds are the connected pieces of body * (1 - separation) above ``config.seed``. They grow over
    body above ``config.body``, highest seed map first, so that two nuclei meet where the
    separation is strongest. Holes are filled, specks are dropped.

    Parameters
    ----------
    maps : (3, H, W) floating
        Probabilities of body, border and separation.
    config : ThresholdConfig, optional

    Returns
    -------
    labels : (H, W) int32
        1..n in raster order of the seeds, 0 = background; every label is one 4-connected piece.

    Raises
    ------
    ValueError
        If the maps have another shape, or hold NaN or values outside [0, 1].

    Examples
    --------
    >>> maps = np.zeros((3, 3, 7), np.float32)
    >>> maps[0, :, 1:6] = 0.9
    >>> maps[2, :, 3] = 0.8
    >>> threshold_labels(maps, ThresholdConfig(min_seed_area=1, min_area=1))[1].tolist()
    [0, 1, 1, 1, 2, 2, 0]
    """
    config = config or ThresholdConfig()
    maps = check_maps(maps)
    seed = seed_map(maps, config.border_weight)
    mask = maps[BODY] > config.body
    labels, count = label_components((seed > config.seed) & mask)
    labels = _without_small(labels, count, config.min_seed_area)
    reach = np.ones(labels.shape, np.uint8)
    flood(seed_levels(maps, 255, config.border_weight), find_pieces(mask), labels, reach)
    fill_gaps(labels, labels.size, True)
    return _without_small(labels, count, config.min_area)


def _without_small(labels: np.ndarray, count: int, min_area: int) -> np.ndarray:
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= min_area
    keep[0] = False
    new = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return new[labels]
