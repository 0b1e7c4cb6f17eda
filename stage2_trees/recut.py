"""The candidates of a few named thresholds, as the winners of the Data Science Bowl 2018 had them.

Every region of a base threshold is a candidate, and so are the parts it falls into when it is cut
again higher up. They form a forest like that of all thresholds, only with fewer nodes and one
extent each, so that features, regressor, selection and painting are the same for both and what
differs in the score is what the other thresholds bring.
"""

from __future__ import annotations

import numpy as np

from stage2_trees.config import ForestConfig, RecutConfig
from stage2_trees.forest import Forest, forest_of
from stage2_trees.hierarchy import build_hierarchy
from stage2_trees.maps import BODY, check_maps, seed_levels, seed_map

LEVELS = 255


def build_recut(maps: np.ndarray, config: RecutConfig | None = None) -> Forest:
    """Find the regions and their parts at the named thresholds.

    Parameters
    ----------
    maps : (3, H, W) floating
        Probabilities of body, border and separation.
    config : RecutConfig, optional

    Returns
    -------
    Forest
        A node's ``peak`` is the highest threshold it reaches, its ``saddle`` the one at which it
        meets its sibling. Unions that no threshold gives, of some of the parts that meet at one
        threshold, are nodes but never candidates.

    Raises
    ------
    ValueError
        If the maps have another shape, or hold NaN or values outside [0, 1].

    Examples
    --------
    Three peaks that meet between the cuts: each alone or all together, but never two of them.

    >>> maps = np.zeros((3, 5, 13), np.float32)
    >>> maps[0, 1:4, 1:12] = [0.9, 0.9, 0.9, 0.65, 0.9, 0.9, 0.9, 0.62, 0.9, 0.9, 0.9]
    >>> forest = build_recut(maps, RecutConfig(min_part_area=1, min_area=1))
    >>> sorted(forest.area.tolist())
    [9, 12, 12, 33]
    """
    from scipy.ndimage import binary_erosion  # slow to import

    config = config or RecutConfig()
    maps = check_maps(maps)
    seed = seed_map(maps, config.border_weight)
    inside = maps[BODY] > np.float32(config.body)
    levels = seed_levels(maps, LEVELS, config.border_weight)
    reached = np.zeros(seed.shape, np.uint8)
    for threshold in config.thresholds:
        piece = (seed > np.float32(threshold)) & inside
        if threshold == config.core:
            if config.erosion:
                piece = binary_erosion(piece, iterations=config.erosion, border_value=1)
            # What is left after the erosion grows back before anything else does.
            levels[piece] = LEVELS
        reached[piece] = round(threshold * LEVELS)
    tree = build_hierarchy(reached, reached > 0, 1, config.min_part_area)
    whole = np.ones(tree.n_nodes, bool)
    unions = np.arange(tree.n_leaves, tree.n_nodes)
    whole[unions] = tree.saddle[unions] < tree.saddle[tree.left[unions]]
    settings = ForestConfig(
        levels=LEVELS,
        extents=(config.body,),
        min_area=config.min_area,
        min_area_step=0,
        max_leaves=config.max_leaves,
        max_hole=config.max_hole,
    )
    return forest_of(tree, maps, levels, settings, whole)
