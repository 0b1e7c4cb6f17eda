"""Measure the nuclei of a label image: one row each, in one pass over the pixels.

Names and definitions are those of `skimage.measure.regionprops_table`, to which the tests hold
every column; that function takes seconds for a thousand nuclei, mostly for convex hulls.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from nucleisplit.hull import hull_areas

__all__ = ["COLUMNS", "TYPES", "measure"]

COLUMNS = (
    "label",
    "centroid-0",
    "centroid-1",
    "bbox-0",
    "bbox-1",
    "bbox-2",
    "bbox-3",
    "area",
    "perimeter",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "solidity",
    "intensity_mean",
    "predicted_iou",
    "threshold",
    "touches_edge",
)
"""The columns of the table, in order. 0 is down (rows), 1 is right (columns), in pixels."""

_INTEGERS = ("label", "bbox-0", "bbox-1", "bbox-2", "bbox-3", "area")
TYPES = {
    **dict.fromkeys(COLUMNS, np.float64),
    **dict.fromkeys(_INTEGERS, np.int64),
    "touches_edge": np.bool_,
}
"""The type of each column, also where there are no nuclei."""

# What a rim pixel adds to the perimeter, by the sum over its rim neighbours: 1 itself, 2 for each
# at an edge, 10 at a corner. Straight, diagonal, and between the two (Benkrid and Crookes).
_RIM_LENGTH = np.zeros(50)
_RIM_LENGTH[[5, 7, 15, 17, 25, 27]] = 1
_RIM_LENGTH[[21, 33]] = np.sqrt(2)
_RIM_LENGTH[[13, 23]] = (1 + np.sqrt(2)) / 2
_NEIGHBOURS = [
    (dr, dc, 10 if dr and dc else 2) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if dr or dc
]


def measure(
    labels: np.ndarray,
    image: np.ndarray,
    predicted_iou: np.ndarray | None = None,
    threshold: np.ndarray | None = None,
) -> pd.DataFrame:
    """Measure every nucleus.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background; numbers need not be consecutive.
    image : (H, W) or (H, W, C) ndarray
        Intensities are averaged over channels (a fourth channel, alpha, is left out).
    predicted_iou, threshold : (n,) ndarray, optional
        One value per nucleus, by ascending label; without them the columns hold NaN.

    Returns
    -------
    DataFrame
        One row per nucleus, by ascending label, with `COLUMNS`: centroid and half-open bounding
        box in pixels (``-0`` rows, ``-1`` columns), area in pixels, perimeter of the 4-connected
        rim, axes and eccentricity of the ellipse with the same second moments, solidity (area by
        convex area), mean intensity in units of the image, the predicted IoU, the level the
        nucleus was cut at, and whether it touches the edge of the image (so is perhaps cut off).

    Raises
    ------
    ValueError
        Shapes that do not match, or another number of values than nuclei.

    Examples
    --------
    >>> labels = np.array([[0, 0, 0, 0], [0, 7, 7, 0], [0, 7, 7, 0], [0, 0, 0, 0]])
    >>> table = measure(labels, 10 * labels, predicted_iou=[0.9])
    >>> table.loc[0, ["centroid-0", "area", "intensity_mean"]].tolist()
    [1.5, 4.0, 70.0]
    """
    labels, image = np.asarray(labels), np.asarray(image)
    if labels.ndim != 2 or image.shape[:2] != labels.shape:
        raise ValueError(f"labels are {labels.shape}, the image {image.shape}; expected one size")
    rows, cols = np.nonzero(labels)
    ids, index = _numbered(labels[rows, cols])
    n = ids.size
    area = np.bincount(index, minlength=n)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(index, values, minlength=n) / area

    table = {"label": ids}
    row, col = mean(rows), mean(cols)
    table["centroid-0"], table["centroid-1"] = row, col
    box = _boxes(rows, cols, index, n)
    table.update({f"bbox-{i}": box[i] for i in range(4)})
    table["area"] = area
    table["perimeter"] = _perimeters(labels, rows, cols, index, n)
    down, right = rows - row[index], cols - col[index]
    table.update(_axes(mean(down * down), mean(right * right), mean(down * right)))
    table["solidity"] = area / hull_areas(rows, cols, index, box)
    table["intensity_mean"] = mean(_gray(image, rows, cols))
    table["predicted_iou"] = _given(predicted_iou, n, "predicted_iou")
    table["threshold"] = _given(threshold, n, "threshold")
    table["touches_edge"] = (
        (box[0] == 0) | (box[1] == 0) | (box[2] == labels.shape[0]) | (box[3] == labels.shape[1])
    )
    frame = pd.DataFrame(table, columns=list(COLUMNS))
    return frame.astype(TYPES)


def _numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, ascending, and the position of each among them."""
    largest = int(values.max(initial=0))
    if largest > 4 * values.size + 1000:  # few and huge: no room for a table
        return np.unique(values, return_inverse=True)
    ids = np.flatnonzero(np.bincount(values, minlength=1))
    position = np.zeros(largest + 1, np.int64)
    position[ids] = np.arange(ids.size)
    return ids, position[values]


def _given(values: np.ndarray | None, n: int, name: str) -> np.ndarray:
    if values is None:
        return np.full(n, np.nan)
    if len(values) != n:
        raise ValueError(f"{len(values)} values of {name} for {n} nuclei")
    return np.asarray(values, np.float64)


def _boxes(rows: np.ndarray, cols: np.ndarray, index: np.ndarray, n: int) -> np.ndarray:
    """Return the first row and column, and one past the last, of every nucleus, (4, n) int64."""
    box = np.zeros((4, n), np.int64)
    box[:2] = np.iinfo(np.int64).max
    for axis, place in enumerate((rows, cols)):
        np.minimum.at(box[axis], index, place)
        np.maximum.at(box[axis + 2], index, place + 1)
    return box


def _axes(rr: np.ndarray, cc: np.ndarray, rc: np.ndarray) -> dict[str, np.ndarray]:
    """Return axes and eccentricity from the central second moments per pixel."""
    half = (rr + cc) / 2
    root = np.hypot((rr - cc) / 2, rc)
    large, small = half + root, np.maximum(half - root, 0)
    flat = np.divide(small, large, out=np.ones_like(large), where=large > 0)
    return {
        "axis_major_length": 4 * np.sqrt(large),
        "axis_minor_length": 4 * np.sqrt(small),
        "eccentricity": np.sqrt(1 - flat),
    }


def _perimeters(
    labels: np.ndarray, rows: np.ndarray, cols: np.ndarray, index: np.ndarray, n: int
) -> np.ndarray:
    padded = np.pad(labels, 1)
    own = padded[1:-1, 1:-1]
    inside = own > 0
    for a, b in ((slice(2, None), slice(1, -1)), (slice(None, -2), slice(1, -1))):
        inside &= (padded[a, b] == own) & (padded[b, a] == own)
    on_rim = ~inside[rows, cols]
    r, c, index = rows[on_rim] + 1, cols[on_rim] + 1, index[on_rim]
    rim = np.zeros(padded.shape, padded.dtype)  # the label on rim pixels, else 0
    rim[r, c] = padded[r, c]
    mine = rim[r, c]
    kind = np.ones(r.size, np.int64)
    for dr, dc, weight in _NEIGHBOURS:
        kind += weight * (rim[r + dr, c + dc] == mine)
    return np.bincount(index, _RIM_LENGTH[kind], minlength=n)


def _gray(image: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    values = image[rows, cols].astype(np.float64)
    return values[:, :3].mean(axis=1) if values.ndim == 2 else values
