"""One row of named numbers per candidate: what the regressor judges it by.

Nearly all are free of scale: ratios, means of probabilities, and areas relative to the other nuclei
of the image. What cannot be said of a candidate (the cut to a sibling it does not have) is NaN,
which the trees handle.
"""

from __future__ import annotations

import numpy as np

from stage2_trees import sums as s
from stage2_trees.forest import Forest
from stage2_trees.surroundings import surroundings

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
    # Maps inside.
    "body": "mean body",
    "body_std": "standard deviation of body",
    "separation": "mean separation",
    "separation_std": "standard deviation of separation",
    "border": "mean border",
    "border_std": "standard deviation of border",
    "sure": "share of pixels with body above 0.9",
    "separated": "share of pixels with separation above 0.3",
    # Maps along the outline.
    "rim_body": "mean body just inside the outline",
    "rim_border": "mean border just inside the outline",
    "rim_separation": "mean separation just inside the outline",
    "outer_body": "mean body just outside the outline",
    "outer_border": "mean border just outside the outline",
    "outer_separation": "mean separation just outside the outline",
    "rim_drop": "rim_body - outer_body",
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
    "area_to_20": "log of area / median area of the 20 nearest nuclei",
    "crowding": "radius / distance to the 5th nearest nucleus",
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


def forest_features(forest: Forest) -> np.ndarray:
    """Describe every candidate.

    Parameters
    ----------
    forest : Forest

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
    out = np.full((len(forest), len(FEATURES)), np.nan, np.float32)
    if not len(forest):
        return out
    node, step = forest.candidates.node, forest.candidates.step - 1
    shape = forest.sums.values.shape[:2]
    with np.errstate(divide="ignore", invalid="ignore"):
        grids = _shape(forest) | _maps(forest) | _extents(forest)
        grids |= _tree(forest, grids["solidity"])
        grids |= surroundings(forest, grids)
    for i, name in enumerate(FEATURES):
        out[:, i] = np.broadcast_to(grids[name], shape)[node, step]
    out[~np.isfinite(out)] = np.nan
    return out


# Below, every value is a grid over (node, step), or broadcasts to one.


def _shape(forest: Forest) -> dict[str, np.ndarray]:
    v = np.moveaxis(forest.sums.values, -1, 0)
    area = v[s.AREA]
    crossings = v[s.CROSS_X] + v[s.CROSS_Y] + v[s.CROSS_DIAGONAL] / np.sqrt(2)
    perimeter = np.pi / 8 * crossings
    hull_area, hull_length, diameter = np.moveaxis(forest.hulls, -1, 0)
    # Central second moments of the pixel centres, as in skimage.measure.regionprops.
    yy = v[s.YY] / area - (v[s.Y] / area) ** 2
    xx = v[s.XX] / area - (v[s.X] / area) ** 2
    xy = v[s.XY] / area - v[s.Y] * v[s.X] / area**2
    spread = np.sqrt((yy - xx) ** 2 + 4 * xy**2)
    major2, minor2 = (yy + xx + spread) / 2, np.maximum(yy + xx - spread, 0) / 2
    box = forest.sums.box
    return {
        "log_area": np.log(area),
        "circularity": 4 * np.pi * area / perimeter**2,
        "solidity": area / hull_area,
        "convexity": (hull_length + np.pi) / perimeter,
        "eccentricity": np.sqrt(1 - minor2 / major2),
        "axis_ratio": np.sqrt(minor2 / major2),
        "ellipse_fill": area / (4 * np.pi * np.sqrt(major2 * minor2)),
        "box_fill": area / np.prod(box[:, :, 2:] - box[:, :, :2] + 1.0, axis=2),
        "roundness": area / (np.pi / 4 * (diameter + 1) ** 2),
        "at_edge": v[s.AT_EDGE] / (v[s.RIM] + v[s.AT_EDGE]),
    }


def _maps(forest: Forest) -> dict[str, np.ndarray]:
    v = np.moveaxis(forest.sums.values, -1, 0)
    area, rim, contact = v[s.AREA], v[s.RIM], v[s.CONTACT]

    def deviation(total: np.ndarray, squares: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(squares / area - (total / area) ** 2, 0))

    return {
        "body": v[s.BODY] / area,
        "body_std": deviation(v[s.BODY], v[s.BODY2]),
        "separation": v[s.SEPARATION] / area,
        "separation_std": deviation(v[s.SEPARATION], v[s.SEPARATION2]),
        "border": v[s.BORDER] / area,
        "border_std": deviation(v[s.BORDER], v[s.BORDER2]),
        "sure": v[s.SURE] / area,
        "separated": v[s.SEPARATED] / area,
        "rim_body": v[s.RIM_BODY] / rim,
        "rim_border": v[s.RIM_BORDER] / rim,
        "rim_separation": v[s.RIM_SEPARATION] / rim,
        "outer_body": v[s.OUTER_BODY] / rim,
        "outer_border": v[s.OUTER_BORDER] / rim,
        "outer_separation": v[s.OUTER_SEPARATION] / rim,
        "rim_drop": (v[s.RIM_BODY] - v[s.OUTER_BODY]) / rim,
        "contact": contact / (rim + v[s.AT_EDGE]),
        "contact_separation": v[s.CONTACT_SEPARATION] / contact,
        "contact_seed": v[s.CONTACT_SEED] / contact,
    }


def _extents(forest: Forest) -> dict[str, np.ndarray]:
    values = forest.sums.values
    area = values[:, :, s.AREA]
    lower = np.concatenate([area[:, :1], area[:, :-1]], axis=1)
    higher = np.concatenate([area[:, 1:], area[:, -1:]], axis=1)
    rings = np.full_like(values, np.nan)
    rings[:, :-1] = values[:, :-1] - values[:, 1:]
    ring_border = rings[:, :, s.BORDER] / rings[:, :, s.AREA]
    outer_border = np.full_like(area, np.nan)
    outer_border[:, 1:] = ring_border[:, :-1]
    return {
        "threshold": np.asarray(forest.candidates.extents)[None],
        "wider": area / lower,
        "tighter": higher / area,
        "widest": area / area[:, :1],
        "tightest": area[:, -1:] / area,
        "radius_slope": (np.sqrt(lower) - np.sqrt(higher)) / np.sqrt(np.pi),
        "ring_border": ring_border,
        "outer_ring_border": outer_border,
        "ring_separation": rings[:, :, s.SEPARATION] / rings[:, :, s.AREA],
    }


def _tree(forest: Forest, solidity: np.ndarray) -> dict[str, np.ndarray]:
    tree, values = forest.candidates.tree, forest.sums.values
    area = values[:, :, s.AREA]
    peak, saddle = tree.peak / forest.levels, tree.saddle / forest.levels
    n_leaves = tree.n_leaves
    union = np.arange(n_leaves, tree.n_nodes)
    parts = np.stack([tree.left[union], tree.right[union]])

    def of_unions(grid: np.ndarray) -> np.ndarray:
        out = np.full((tree.n_nodes, *grid.shape[1:]), np.nan)
        out[n_leaves:] = grid
        return out

    def of_parent(grid: np.ndarray) -> np.ndarray:
        out = grid[tree.parent].astype(float)
        out[tree.parent < 0] = np.nan
        return out

    sibling = np.full(tree.n_nodes, -1)
    sibling[parts[0]], sibling[parts[1]] = parts[1], parts[0]
    alone = sibling < 0

    def of_sibling(grid: np.ndarray) -> np.ndarray:
        out = grid[sibling].astype(float)
        out[alone] = np.nan
        return out

    smaller = area[parts].min(axis=0)
    own_cut = of_unions(values[union][:, :, s.CUT :] - values[parts][..., s.CUT :].sum(axis=0))
    cut, cut_separation, cut_seed, cut_border = np.moveaxis(own_cut, -1, 0)
    split_separation, split_seed = cut_separation / cut, cut_seed / cut
    split_border = cut_border / cut
    parts_solidity = (solidity[parts] * area[parts]).sum(axis=0) / area[parts].sum(axis=0)
    split_saddle = of_unions(saddle[parts[0]])
    return {
        "peak": peak[:, None],
        "saddle": saddle[:, None],
        "depth": (peak - saddle)[:, None],
        "leaves": (tree.last - tree.first)[:, None],
        "split_saddle": split_saddle[:, None],
        "split_depth": (of_unions(peak[parts].min(axis=0)) - split_saddle)[:, None],
        "split_balance": of_unions(smaller) / area,
        "split_cut": cut / np.sqrt(of_unions(smaller)),
        "split_separation": split_separation,
        "split_seed": split_seed,
        "split_border": split_border,
        "split_solidity": of_unions(parts_solidity) - solidity,
        "cut_separation": values[:, :, s.CUT_SEPARATION] / values[:, :, s.CUT],
        "parent_share": area / of_parent(area),
        "parent_solidity": of_parent(solidity) - solidity,
        "sibling_area": np.log(area / of_sibling(area)),
        "sibling_solidity": of_sibling(solidity),
        "sibling_cut": of_parent(cut) / np.sqrt(area),
        "sibling_separation": of_parent(split_separation),
        "sibling_seed": of_parent(split_seed),
        "sibling_border": of_parent(split_border),
    }
