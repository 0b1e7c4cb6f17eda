"""One row of named numbers per candidate: what the regressor judges it by.

Nearly all are free of scale: ratios, means of probabilities, and areas relative to the other nuclei
of the image. What cannot be said of a candidate (the cut to a sibling it does not have) is NaN,
which the trees handle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stage2_trees.forest import Forest
from stage2_trees.grids import extent_grids, map_grids, shape_grids
from stage2_trees.kinship import tree_grids
from stage2_trees.surroundings import describe_nuclei, summarise, surroundings

FEATURES = {
    # Shape.
    "log_area": "natural logarithm of the area in pixels",
    "circularity": "4 pi area / perimeter^2, perimeter after Crofton with 4 directions",
    "solidity": "area / pixels of the convex hull",
    "convexity": "perimeter of the hull / perimeter",
    "eccentricity": "of the ellipse with the same second moments",
    "axis_ratio": "minor / major axis of that ellipse",
    "ellipse_fill": "area / area of that ellipse",
    "box_fill": "area / area of the bounding box",
    "roundness": "area / area of the circle over the largest diameter",
    "at_edge": "share of the outline that lies on the edge of the image",
    "log_perimeter": "natural logarithm of the perimeter in pixels",
    "log_major_axis": "natural logarithm of the major axis of that ellipse in pixels",
    "log_minor_axis": "natural logarithm of the minor axis, at least 1 pixel",
    "concavity": "mean depth of the outline under the hull / radius",
    "euler": "Euler number: 1 - number of holes",
    # Maps inside.
    "body": "mean body",
    "body_std": "standard deviation of body",
    "separation": "mean separation",
    "separation_std": "standard deviation of separation",
    "border": "mean border",
    "border_std": "standard deviation of border",
    "sure": "share of pixels with body above 0.9",
    "separated": "share of pixels with separation above 0.3",
    "body_low": "tenth percentile of body, from a histogram of 10 bins",
    # Maps along the outline.
    "rim_body": "mean body just inside the outline",
    "rim_border": "mean border just inside the outline",
    "rim_separation": "mean separation just inside the outline",
    "outer_body": "mean body just outside the outline",
    "outer_border": "mean border just outside the outline",
    "outer_separation": "mean separation just outside the outline",
    "rim_drop": "rim_body - outer_body",
    "rim_body_std": "standard deviation of body just inside the outline",
    "rim_border_std": "standard deviation of border just inside the outline",
    "outer_body_std": "standard deviation of body just outside the outline",
    "contact": "share of the outline that touches another candidate cut at the same level",
    "contact_separation": "mean separation along that contact",
    "contact_seed": "mean seed map along that contact",
    # Extent.
    "threshold": "body level the candidate is cut at",
    "wider": "area / area at the next lower level",
    "tighter": "area at the next higher level / area",
    "widest": "area / area at the lowest level",
    "tightest": "area at the highest level / area",
    "radius_slope": "radius lost from one level lower to one level higher, pixels",
    "ring_border": "mean border between this level and the next higher",
    "outer_ring_border": "mean border between the next lower level and this",
    "ring_separation": "mean separation between this level and the next higher",
    # Tree.
    "peak": "highest seed map inside",
    "saddle": "seed map where it meets its sibling, 0 without one",
    "depth": "peak - saddle",
    "leaves": "number of peaks inside",
    "split_saddle": "seed map where its own two parts meet",
    "split_depth": "lower peak of its own two parts - split_saddle",
    "split_balance": "area of its smaller part / area",
    "split_cut": "length of the cut between its parts / square root of the smaller part's area",
    "split_separation": "mean separation along that cut",
    "split_seed": "mean seed map along that cut",
    "split_border": "mean border along that cut",
    "split_solidity": "area-weighted solidity of its parts - its own solidity",
    "cut_separation": "mean separation along all cuts inside",
    "parent_share": "area / area of its parent",
    "parent_solidity": "solidity of its parent - its own",
    "sibling_area": "log of area / area of its sibling",
    "sibling_solidity": "solidity of its sibling",
    "sibling_cut": "length of the cut to its sibling / square root of its own area",
    "sibling_separation": "mean separation along that cut",
    "sibling_seed": "mean seed map along that cut",
    "sibling_border": "mean border along that cut",
    # Surroundings; the other nuclei are the pieces of the seed map at 0.5.
    "area_to_image": "log of area / median area in the image",
    "area_to_5": "log of area / median area of the 5 nearest nuclei",
    "area_to_10": "log of area / median area of the 10 nearest nuclei",
    "area_to_20": "log of area / median area of the 20 nearest nuclei",
    "crowding": "radius / distance to the 5th nearest nucleus",
    "nearest": "radius / distance to the nearest nucleus",
    "density": "area of the 20 nearest nuclei / that of the circle that holds their centres",
    "image_count": "log of 1 + number of nuclei in the image",
    "image_log_area": "median log area in the image",
    "image_area_spread": "difference of the quartiles of log area in the image",
    "image_solidity": "median solidity in the image",
    "image_body": "mean body of the nuclei in the image",
    "image_sure": "mean share of pixels with body above 0.9",
    "image_separation": "mean separation of the nuclei in the image",
    "image_slope": "median radius_slope in the image",
    "image_contact": "mean share of outline in contact",
    "image_rim_border": "mean border just inside the outlines in the image",
    "image_outer_border": "mean border just outside the outlines in the image",
    "image_rim_drop": "mean rim_drop in the image",
    "image_border_std": "median border_std in the image",
}
"""What each column of `forest_features` holds, in order."""

FEATURE_NAMES = tuple(FEATURES)
"""Names of the columns of `forest_features`, in order."""


def forest_features(forest: Forest, summary: Mapping[str, float] | None = None) -> np.ndarray:
    """Describe every candidate.

    Parameters
    ----------
    forest : Forest
    summary : mapping, optional
        Features of the image that the forest is a part of, from `image_summary`; by default they
        are taken from the forest.

    Returns
    -------
    (n, len(FEATURE_NAMES)) float32
        NaN where a feature is not defined; never infinite.

    Examples
    --------
    >>> from stage2_trees.forest import build_forest
    >>> maps = np.zeros((3, 12, 12), np.float32)
    >>> maps[0, 2:10, 2:10] = 0.95
    >>> row = dict(zip(FEATURE_NAMES, forest_features(build_forest(maps))[0]))
    >>> round(float(np.exp(row["log_area"]))), row["solidity"], row["leaves"]
    (64, np.float32(1.0), np.float32(1.0))
    """
    out = np.empty((len(FEATURES), len(forest)), np.float32)
    if not len(forest):
        return out.T
    shape = forest.sums.values.shape[:2]
    place = forest.candidates.node * shape[1] + forest.candidates.step - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        grids = _own_grids(forest)
        grids |= tree_grids(forest, grids["solidity"])
        grids |= surroundings(forest, grids, summary)
    for i, name in enumerate(FEATURES):
        out[i] = np.broadcast_to(grids[name], shape).reshape(-1)[place]
    out[~np.isfinite(out)] = np.nan
    return np.ascontiguousarray(out.T)


def image_summary(forests: Sequence[Forest], share: float = 1.0) -> dict[str, float]:
    """Compute the features of a whole image from the forests of samples of it.

    Parameters
    ----------
    forests : sequence of Forest
    share : float
        Of the image that the samples cover.

    Returns
    -------
    dict
        Every feature that begins with ``image_``; NaN where no nucleus is found.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = [describe_nuclei(forest, _own_grids(forest)) for forest in forests]
        return summarise(samples, share)


def _own_grids(forest: Forest) -> dict[str, np.ndarray]:
    return shape_grids(forest) | map_grids(forest) | extent_grids(forest)
