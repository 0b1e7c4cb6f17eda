"""Features of a candidate itself: its shape, the maps in and around it, its extents.

Every value is a grid over (node, step), or broadcasts to one; the names are those of
`stage2_trees.FEATURES`.
"""

from __future__ import annotations

import numpy as np

from stage2_trees.forest import Forest
from stage2_trees.sums import Column


def shape_grids(forest: Forest) -> dict[str, np.ndarray]:
    """Features of the outline alone."""
    v = np.moveaxis(forest.sums.values, -1, 0)
    area = v[Column.AREA]
    crossings = v[Column.CROSS_X] + v[Column.CROSS_Y] + v[Column.CROSS_DIAGONAL] / np.sqrt(2)
    perimeter = np.pi / 8 * crossings
    hull_area, hull_length, diameter = np.moveaxis(forest.hulls, -1, 0)
    # Central second moments of the pixel centres, as in skimage.measure.regionprops.
    yy = v[Column.YY] / area - (v[Column.Y] / area) ** 2
    xx = v[Column.XX] / area - (v[Column.X] / area) ** 2
    xy = v[Column.XY] / area - v[Column.Y] * v[Column.X] / area**2
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
        "at_edge": v[Column.AT_EDGE] / (v[Column.RIM] + v[Column.AT_EDGE]),
        "log_perimeter": np.log(perimeter),
        "log_major_axis": np.log(4 * np.sqrt(major2)),
        "log_minor_axis": np.log(np.maximum(4 * np.sqrt(minor2), 1)),
        "concavity": (hull_area - area) / (hull_length + np.pi) / np.sqrt(area / np.pi),
        "euler": area - (4 * area - v[Column.CROSS_X] - v[Column.CROSS_Y]) / 2 + v[Column.SQUARES],
    }


def map_grids(forest: Forest) -> dict[str, np.ndarray]:
    """Features of the maps inside and along the outline."""
    v = np.moveaxis(forest.sums.values, -1, 0)
    area, rim, contact = v[Column.AREA], v[Column.RIM], v[Column.CONTACT]

    def deviation(total: int, squares: int, count: np.ndarray) -> np.ndarray:
        return np.sqrt(np.maximum(v[squares] / count - (v[total] / count) ** 2, 0))

    return {
        "body": v[Column.BODY] / area,
        "body_std": deviation(Column.BODY, Column.BODY2, area),
        "separation": v[Column.SEPARATION] / area,
        "separation_std": deviation(Column.SEPARATION, Column.SEPARATION2, area),
        "border": v[Column.BORDER] / area,
        "border_std": deviation(Column.BORDER, Column.BORDER2, area),
        "sure": v[Column.SURE] / area,
        "body_low": _low_body(forest.sums.values),
        "separated": v[Column.SEPARATED] / area,
        "rim_body": v[Column.RIM_BODY] / rim,
        "rim_border": v[Column.RIM_BORDER] / rim,
        "rim_separation": v[Column.RIM_SEPARATION] / rim,
        "outer_body": v[Column.OUTER_BODY] / rim,
        "outer_border": v[Column.OUTER_BORDER] / rim,
        "outer_separation": v[Column.OUTER_SEPARATION] / rim,
        "rim_drop": (v[Column.RIM_BODY] - v[Column.OUTER_BODY]) / rim,
        "rim_body_std": deviation(Column.RIM_BODY, Column.RIM_BODY2, rim),
        "rim_border_std": deviation(Column.RIM_BORDER, Column.RIM_BORDER2, rim),
        "outer_body_std": deviation(Column.OUTER_BODY, Column.OUTER_BODY2, rim),
        "contact": contact / (rim + v[Column.AT_EDGE]),
        "contact_separation": v[Column.CONTACT_SEPARATION] / contact,
        "contact_seed": v[Column.CONTACT_SEED] / contact,
    }


def extent_grids(forest: Forest) -> dict[str, np.ndarray]:
    """Features of how a node changes from one body level to the next."""
    values = forest.sums.values
    area = values[:, :, Column.AREA]
    lower = np.concatenate([area[:, :1], area[:, :-1]], axis=1)
    higher = np.concatenate([area[:, 1:], area[:, -1:]], axis=1)
    rings = np.full((*area.shape, 3), np.nan)
    rings[:, :-1] = -np.diff(values[:, :, [Column.AREA, Column.BORDER, Column.SEPARATION]], axis=1)
    ring_border = rings[:, :, 1] / rings[:, :, 0]
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
        "ring_separation": rings[:, :, 2] / rings[:, :, 0],
    }


def _low_body(values: np.ndarray) -> np.ndarray:
    """Tenth percentile of body; within a tenth the pixels are taken to lie evenly."""
    count = values[:, :, Column.BODY_0 : Column.BODY_9 + 1]
    wanted = values[:, :, Column.AREA] / 10
    below = np.cumsum(count, axis=2)
    tenth = (below < wanted[:, :, None]).sum(axis=2).clip(0, 9)
    at = tenth[:, :, None]
    inside = np.take_along_axis(count, at, axis=2)[:, :, 0]
    under = np.take_along_axis(below, at, axis=2)[:, :, 0] - inside
    return (tenth + (wanted - under) / inside) / 10
