"""Measure the volumes of a label stack: one row each, slice by slice."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["VOLUME_COLUMNS", "VOLUME_TYPES", "measure_volumes"]

VOLUME_COLUMNS = (
    "label",
    *(f"centroid-{axis}" for axis in range(3)),
    *(f"bbox-{side}" for side in range(6)),
    "volume",
    "volume_um3",
    "equivalent_diameter",
    "intensity_mean",
    "predicted_iou",
    "slices",
    "touches_edge",
)
"""The columns of the table, in order. 0 is the slice, 1 down (rows), 2 right (columns)."""

VOLUME_TYPES = {
    **dict.fromkeys(VOLUME_COLUMNS, np.float64),
    **dict.fromkeys(("label", *(f"bbox-{side}" for side in range(6))), np.int64),
    **dict.fromkeys(("volume", "slices"), np.int64),
    "touches_edge": np.bool_,
}
"""The type of each column, also where there are no nuclei."""


def measure_volumes(
    labels: np.ndarray,
    stack: np.ndarray,
    predicted_iou: np.ndarray | None = None,
    *,
    anisotropy: float | None = None,
    voxel_size: tuple[float, float, float] | None = None,
) -> pd.DataFrame:
    """Measure every volume.

    Parameters
    ----------
    labels : (Z, H, W) integer ndarray
        1..n without gaps, 0 = background.
    stack : (Z, H, W) or (Z, H, W, C) ndarray
        Intensities are averaged over channels (a fourth channel, alpha, is left out).
    predicted_iou : (n,) ndarray, optional
        One value per volume; without them the column holds NaN.
    anisotropy : float, optional
        Distance of the slices by the size of a pixel, for where the voxel size is not known.
    voxel_size : tuple of float, optional
        Distance of the slices, height and width of a pixel, um.

    Returns
    -------
    DataFrame
        One row per volume, with `VOLUME_COLUMNS`: centroid and half-open bounding box in slices
        and pixels, volume in voxels and in um^3 (NaN where the voxel size is not known), diameter
        of the ball of that volume (in um; in pixels where only the anisotropy is known; else NaN),
        mean intensity in units of the image, predicted IoU, number of slices, and whether it
        touches an edge of the stack, its first and last slice among them (so is perhaps cut off).

    Raises
    ------
    ValueError
        Shapes that do not match, or another number of values than volumes.

    Examples
    --------
    >>> labels = np.zeros((3, 4, 4), np.int32)
    >>> labels[1:, 1:3, 1:3] = 1
    >>> table = measure_volumes(labels, 10 * labels, voxel_size=(2, 0.5, 0.5))
    >>> table.loc[0, ["centroid-0", "volume", "volume_um3", "intensity_mean"]].tolist()
    [1.5, 8.0, 4.0, 10.0]
    """
    labels, stack = np.asarray(labels), np.asarray(stack)
    if labels.ndim != 3 or stack.shape[:3] != labels.shape:
        raise ValueError(f"labels are {labels.shape}, the stack {stack.shape}; expected one size")
    n = int(labels.max(initial=0))
    if predicted_iou is not None and len(predicted_iou) != n:
        raise ValueError(f"{len(predicted_iou)} values of predicted_iou for {n} volumes")
    sums = np.zeros((5, n + 1))  # voxels, slice, row, column, intensity
    slices = np.zeros(n + 1, np.int64)
    box = np.zeros((6, n + 1), np.int64)
    box[:3] = np.iinfo(np.int64).max
    for z, image in enumerate(labels):
        rows, columns = np.nonzero(image)
        index = image[rows, columns]
        light = stack[z][rows, columns].astype(np.float64)
        light = light[:, :3].mean(axis=1) if light.ndim == 2 else light
        area = np.bincount(index, minlength=n + 1)
        sums[0] += area
        sums[1] += z * area
        for total, weights in zip(sums[2:], (rows, columns, light), strict=True):
            total += np.bincount(index, weights, minlength=n + 1)
        slices += area > 0
        for axis, place in enumerate((np.full(rows.size, z), rows, columns)):
            np.minimum.at(box[axis], index, place)
            np.maximum.at(box[axis + 3], index, place + 1)
    sums, slices, box = sums[:, 1:], slices[1:], box[:, 1:]
    voxels = sums[0]
    size = voxel_size or (np.nan,) * 3
    cube = voxels * (np.prod(size) if voxel_size else anisotropy or np.nan)
    shape = np.array(labels.shape)[:, None]
    values = {
        "label": np.arange(1, n + 1),
        **{f"centroid-{axis}": sums[1 + axis] / voxels for axis in range(3)},
        **{f"bbox-{side}": box[side] for side in range(6)},
        "volume": voxels,
        "volume_um3": voxels * np.prod(size),
        "equivalent_diameter": (6 / np.pi * cube) ** (1 / 3),
        "intensity_mean": sums[4] / voxels,
        "predicted_iou": np.full(n, np.nan) if predicted_iou is None else predicted_iou,
        "slices": slices,
        "touches_edge": ((box[:3] == 0) | (box[3:] == shape)).any(0),
    }
    frame = pd.DataFrame(values, columns=list(VOLUME_COLUMNS))
    return frame.astype(VOLUME_TYPES)
