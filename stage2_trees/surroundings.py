"""Features that compare a candidate with the other nuclei of its image.

Which nuclei there are is not known before the selection, so a fixed guess stands in: the pieces
of the seed map above 0.5, at the step nearest to body 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stage2_trees.forest import Forest
from stage2_trees.sums import Column

LEVEL = 0.5
REACH = 6.0
"""Nuclei count as neighbours up to this distance, in typical radii of the image."""


def surroundings(
    forest: Forest,
    grids: dict[str, np.ndarray],
    summary: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray]:
    """Compute the features of the image and of the neighbourhood.

    Parameters
    ----------
    forest : Forest
    grids : dict
        The features already known, over (node, step).
    summary : mapping, optional
        Of the image that the forest is a part of, from `summarise`; by default its own.

    Returns
    -------
    dict
        Grids that broadcast to (node, step); NaN where the image has no (other) nucleus.
    """
    area = forest.sums.values[:, :, Column.AREA]
    nuclei, step = guessed_nuclei(forest)
    if summary is None:
        summary = summarise([describe_nuclei(forest, grids)])
    reach = REACH * np.sqrt(np.exp(summary["image_log_area"]) / np.pi)
    near = _neighbours(forest, nuclei, np.log(area[nuclei, step]), reach)
    own = np.log(area)
    out = {
        "area_to_image": own - summary["image_log_area"],
        "area_to_5": own - near["area_5"],
        "area_to_10": own - near["area_10"],
        "area_to_20": own - near["area_20"],
        "crowding": np.sqrt(area / np.pi) / near["distance_5"],
        "nearest": np.sqrt(area / np.pi) / near["distance_1"],
        "density": near["density"],
        **summary,
    }
    return {name: np.asarray(grid) for name, grid in out.items()}


def describe_nuclei(forest: Forest, grids: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Look up what `summarise` needs of every nucleus that is guessed: (n,) each."""
    nuclei, step = guessed_nuclei(forest)
    values = forest.sums.values[nuclei, step]
    columns = {"area": Column.AREA, "body": Column.BODY, "sure": Column.SURE}
    columns["separation"] = Column.SEPARATION
    names = ("solidity", "radius_slope", "contact", "rim_border", "outer_border", "rim_drop")
    shape = forest.sums.values.shape[:2]
    return {name: values[:, column] for name, column in columns.items()} | {
        name: np.broadcast_to(grids[name], shape)[nuclei, step] for name in (*names, "border_std")
    }


def summarise(samples: Sequence[dict[str, np.ndarray]], share: float = 1.0) -> dict[str, float]:
    """Compute the features of an image from what `describe_nuclei` says of its parts.

    Parameters
    ----------
    samples : sequence of dict
    share : float
        Of the image that they cover.

    Returns
    -------
    dict
        ``image_count`` and the like; NaN where there is no nucleus.
    """
    nuclei = {name: np.concatenate([sample[name] for sample in samples]) for name in samples[0]}
    quartiles = _quantiles(np.log(nuclei["area"]), (0.25, 0.5, 0.75))

    def mean(name: str) -> float:
        return nuclei[name].sum() / nuclei["area"].sum() if nuclei["area"].size else np.nan

    def median(name: str) -> float:
        return _quantiles(nuclei[name], (0.5,))[0]

    def average(name: str) -> float:
        values = nuclei[name][np.isfinite(nuclei[name])]
        return values.mean() if values.size else np.nan

    return {
        "image_count": np.log1p(nuclei["area"].size / share),
        "image_log_area": quartiles[1],
        "image_area_spread": quartiles[2] - quartiles[0],
        "image_solidity": median("solidity"),
        "image_body": mean("body"),
        "image_sure": mean("sure"),
        "image_separation": mean("separation"),
        "image_slope": median("radius_slope"),
        "image_contact": average("contact"),
        "image_rim_border": average("rim_border"),
        "image_outer_border": average("outer_border"),
        "image_rim_drop": average("rim_drop"),
        "image_border_std": median("border_std"),
    }


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
    return np.flatnonzero(piece & (forest.sums.values[:, step, Column.AREA] > 0)), step


def _quantiles(values: np.ndarray, at: tuple[float, ...]) -> np.ndarray:
    return np.quantile(values, at) if values.size else np.full(len(at), np.nan)


def _neighbours(forest, nuclei, log_area, reach):
    """What the nearest other nuclei are like: grids over (node, 1), NaN where there are none.

    ``area_n`` is the median log area of the n nearest, ``distance_n`` the distance to the n-th,
    ``density`` the area of the 20 nearest over that of the circle through the last; all among
    those within reach. A node's neighbours are those of the nucleus it shares its first leaf with,
    else of the nearest.
    """
    from scipy.spatial import cKDTree

    tree = forest.candidates.tree
    names = ("area_5", "area_10", "area_20", "distance_1", "distance_5", "density")
    out = np.full((len(names), tree.n_nodes, 1), np.nan)
    if not nuclei.size:
        return dict(zip(names, out, strict=True))
    values = forest.sums.values
    centre = values[:, 0, [Column.Y, Column.X]] / values[:, 0, [Column.AREA]] + forest.sums.origin
    points = cKDTree(centre[nuclei])
    # The nearest is the nucleus itself (or one at the same place, which is as good).
    found = points.query(centre[nuclei], 21, distance_upper_bound=reach)
    distance, index = (part[:, 1:] for part in found)
    beyond = index == nuclei.size
    near = np.where(beyond, np.nan, np.append(log_area, np.nan)[index])
    distance = np.where(beyond, np.nan, distance)
    circle = np.where(beyond[:, -1], reach, distance[:, -1])
    table = np.stack(
        [_median(near[:, :n]) for n in (5, 10, 20)]
        + [distance[:, 0], distance[:, 4], np.nansum(np.exp(near), 1) / (np.pi * circle**2)]
    )
    nucleus = np.full(tree.n_leaves, -1)
    sizes = tree.last[nuclei] - tree.first[nuclei]
    starts = np.repeat(tree.first[nuclei] - np.cumsum(sizes) + sizes, sizes)
    nucleus[starts + np.arange(sizes.sum())] = np.repeat(np.arange(nuclei.size), sizes)
    nucleus = nucleus[tree.first]
    lost = np.flatnonzero((nucleus < 0) & np.isfinite(centre).all(axis=1))
    if lost.size:
        distance, index = points.query(centre[lost], distance_upper_bound=reach)
        nucleus[lost] = np.where(np.isfinite(distance), index, -1)
    known = nucleus >= 0
    out[:, known, 0] = table[:, nucleus[known]]
    return dict(zip(names, out, strict=True))


def _median(rows: np.ndarray) -> np.ndarray:
    """Median of each row without its NaN, which come last in it; NaN for a row of nothing else."""
    ordered = np.sort(rows, axis=1)
    last = np.maximum(np.isfinite(ordered).sum(axis=1) - 1, 0)
    row = np.arange(len(rows))
    return (ordered[row, last // 2] + ordered[row, (last + 1) // 2]) / 2
