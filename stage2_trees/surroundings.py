"""Features that compare a candidate with the other nuclei of its image.

Which nuclei there are is not known before the selection, so a fixed guess stands in: the pieces
of the seed map above 0.5, at the step nearest to body 0.5.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from stage2_trees import sums as s
from stage2_trees.forest import Forest

LEVEL = 0.5


def surroundings(forest: Forest, grids: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Compute the features of the image and of the neighbourhood.

    Parameters
    ----------
    forest : Forest
    grids : dict
        The features already known, over (node, step).

    Returns
    -------
    dict
        Grids that broadcast to (node, step); NaN where the image has no (other) nucleus.
    """
    area = forest.sums.values[:, :, s.AREA]
    nuclei, step = guessed_nuclei(forest)
    log_area = np.log(area[nuclei, step])
    near = _neighbours(forest, nuclei, step, log_area)
    quartiles = _quantiles(log_area, (0.25, 0.5, 0.75))
    own = np.log(area)

    def mean(column: int) -> float:
        values = forest.sums.values[nuclei, step]
        return values[:, column].sum() / values[:, s.AREA].sum() if nuclei.size else np.nan

    def median(name: str) -> float:
        return _quantiles(grids[name][nuclei, step], (0.5,))[0]

    def average(name: str) -> float:
        values = grids[name][nuclei, step]
        return values[np.isfinite(values)].mean() if np.isfinite(values).any() else np.nan

    out = {
        "area_to_image": own - quartiles[1],
        "area_to_5": own - near["area_5"],
        "area_to_10": own - near["area_10"],
        "area_to_20": own - near["area_20"],
        "crowding": np.sqrt(area / np.pi) / near["distance_5"],
        "nearest": np.sqrt(area / np.pi) / near["distance_1"],
        "density": near["density"],
        "image_count": np.log1p(nuclei.size),
        "image_log_area": quartiles[1],
        "image_area_spread": quartiles[2] - quartiles[0],
        "image_solidity": median("solidity"),
        "image_body": mean(s.BODY),
        "image_sure": mean(s.SURE),
        "image_separation": mean(s.SEPARATION),
        "image_slope": median("radius_slope"),
        "image_contact": average("contact"),
        "image_rim_border": average("rim_border"),
        "image_outer_border": average("outer_border"),
        "image_rim_drop": average("rim_drop"),
        "image_border_std": median("border_std"),
    }
    return {name: np.asarray(grid) for name, grid in out.items()}


def guessed_nuclei(forest: Forest) -> tuple[np.ndarray, int]:
    """Nodes that are a piece of the seed map above 0.5, and the step nearest to body 0.5.

    Pieces without any pixel at that step are left out.
    """
    tree = forest.candidates.tree
    cut = LEVEL * forest.levels
    meets = np.full(tree.n_nodes, np.inf)
    meets[tree.n_leaves :] = tree.saddle[tree.left[tree.n_leaves :]]
    step = int(np.abs(np.asarray(forest.candidates.extents) - LEVEL).argmin())
    piece = (tree.peak >= cut) & (tree.saddle < cut) & (meets >= cut)
    return np.flatnonzero(piece & (forest.sums.values[:, step, s.AREA] > 0)), step


def _quantiles(values: np.ndarray, at: tuple[float, ...]) -> np.ndarray:
    return np.quantile(values, at) if values.size else np.full(len(at), np.nan)


def _neighbours(forest, nuclei, step, log_area):
    """What the nearest other nuclei are like: grids over (node, 1), NaN where there are none.

    ``area_n`` is the median log area of the n nearest, ``distance_n`` the distance to the n-th,
    ``density`` the area of the 20 nearest over that of the circle through the last. A node's
    neighbours are those of the nucleus it shares its first leaf with, else of the nearest.
    """
    tree = forest.candidates.tree
    names = ("area_5", "area_10", "area_20", "distance_1", "distance_5", "density")
    out = np.full((len(names), tree.n_nodes, 1), np.nan)
    if nuclei.size < 2:
        return dict(zip(names, out, strict=True))
    values = forest.sums.values
    centre = values[:, 0, [s.Y, s.X]] / values[:, 0, [s.AREA]] + forest.sums.origin
    points = cKDTree(centre[nuclei])
    count = min(21, nuclei.size)
    # The nearest is the nucleus itself (or one at the same place, which is as good).
    distance, index = (found[:, 1:] for found in points.query(centre[nuclei], count))
    near = log_area[index]
    total = np.exp(near).sum(axis=1)
    table = np.stack(
        [np.median(near[:, :n], axis=1) for n in (5, 10, 20)]
        + [distance[:, 0], distance[:, :5][:, -1], total / (np.pi * distance[:, -1] ** 2)]
    )
    nucleus = np.full(tree.n_leaves, -1)
    sizes = tree.last[nuclei] - tree.first[nuclei]
    starts = np.repeat(tree.first[nuclei] - np.cumsum(sizes) + sizes, sizes)
    nucleus[starts + np.arange(sizes.sum())] = np.repeat(np.arange(nuclei.size), sizes)
    nucleus = nucleus[tree.first]
    lost = np.flatnonzero((nucleus < 0) & np.isfinite(centre).all(axis=1))
    if lost.size:
        nucleus[lost] = points.query(centre[lost])[1]
    known = nucleus >= 0
    out[:, known, 0] = table[:, nucleus[known]]
    return dict(zip(names, out, strict=True))
