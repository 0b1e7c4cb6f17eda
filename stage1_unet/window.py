"""The square around a crop, cut out of its image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


def nucleus_centres(labels: np.ndarray) -> np.ndarray:
    """Return the centre of mass of each nucleus of a label image, shape (n, 2), row and column."""
    rows, columns = np.nonzero(labels > 0)
    ids = labels[rows, columns]
    areas = np.bincount(ids)
    present = np.flatnonzero(areas)
    sums = [np.bincount(ids, weights=axis)[present] for axis in (rows, columns)]
    return np.stack(sums, axis=1) / areas[present, None]


def cut_window(
    image: np.ndarray, labels: np.ndarray, centre: Sequence[float], zoom: float, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a square and zoom it; beyond the edges of the image, it mirrors.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    labels : ndarray, shape (H, W), int32
    centre : sequence of two floats
        Row and column of the middle of the square.
    zoom : float
        Above 1 enlarges.
    side : int
        Side of the result, pixels.

    Returns
    -------
    image : ndarray, shape (side, side, 3), uint8
    labels : ndarray, shape (side, side), float32
        For albumentations, whose transforms take no int32.
    """
    source = max(2, round(side / zoom))
    corner = [round(at - source / 2) for at in centre]
    shrink = cv2.INTER_AREA if source > side else cv2.INTER_LINEAR
    pixels = cv2.resize(cut(image, corner, source), (side, side), interpolation=shrink)
    ids = cut(labels, corner, source).astype(np.float32)
    return pixels, cv2.resize(ids, (side, side), interpolation=cv2.INTER_NEAREST_EXACT)


def cut(array: np.ndarray, corner: Sequence[int], size: int) -> np.ndarray:
    """Cut the square at `corner`; beyond the edges of the array, it mirrors."""
    before = [max(0, -start) for start in corner]
    after = [max(0, start + size - n) for start, n in zip(corner, array.shape, strict=False)]
    top, left = (max(0, start) for start in corner)
    inside = array[top : corner[0] + size, left : corner[1] + size]
    if not any(before + after):
        return inside
    return cv2.copyMakeBorder(
        inside, before[0], after[0], before[1], after[1], cv2.BORDER_REFLECT_101
    )
