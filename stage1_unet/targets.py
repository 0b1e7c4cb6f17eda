"""What the network is to predict, drawn from a label image."""

from __future__ import annotations

import cv2
import numpy as np

CHANNELS = ("body", "border", "separation")
"""Names of the maps, in their order along the first axis."""

WIDTH_AREAS = (300, 2000)
"""Areas, square pixels, from which the border band is two and three pixels wide."""


def make_targets(labels: np.ndarray) -> np.ndarray:
    """Draw the body, border and separation masks of a label image.

    *Body* is every labelled pixel. *Border* is the band along the inner contour of each nucleus,
    one pixel wide below 300 square pixels, two below 2000, three above, as the winners of the
    Data Science Bowl 2018 had it. *Separation* is every pixel, labelled or not, from which two
    different nuclei lie no farther than one pixel more than that width, the smaller nucleus
    counting. The edge of the image is no contour.

    Parameters
    ----------
    labels : ndarray of int, shape (H, W)
        0 is background.

    Returns
    -------
    ndarray, shape (3, H, W), float32
        0 or 1, in the order of `CHANNELS`.

    Examples
    --------
    Two touching nuclei, one pixel high:

    >>> make_targets(np.array([[0, 1, 1, 1, 2, 2, 2, 0]])).astype(int)[:, 0].tolist()
    [[0, 1, 1, 1, 1, 1, 1, 0], [0, 1, 0, 1, 1, 0, 1, 0], [0, 0, 1, 1, 1, 1, 0, 0]]
    """
    labels = np.asarray(labels)
    widths = _band_widths(labels)
    near = labels.astype(np.float32)
    far = np.where(labels > 0, near, np.float32(widths.size - 1))  # background never the lowest
    border = np.zeros(labels.shape, bool)
    separation = np.zeros(labels.shape, bool)
    for width in range(1, int(widths.max()) + 1):
        band = _window(width)
        contour = (cv2.dilate(near, band) != near) | (cv2.erode(near, band) != near)
        border |= contour & (widths[labels] == width)
        reach = _window(width + 1)
        high, low = cv2.dilate(near, reach), cv2.erode(far, reach)
        smaller = np.minimum(widths[high.astype(np.int32)], widths[low.astype(np.int32)])
        separation |= (low < high) & (smaller >= width)
    return np.stack([labels > 0, border, separation]).astype(np.float32)


def _band_widths(labels: np.ndarray) -> np.ndarray:
    """Return the band width of each id; that of the background is 0."""
    areas = np.bincount(labels.ravel(), minlength=1)
    widths = 1 + np.searchsorted(WIDTH_AREAS, areas, side="right")
    widths[0] = 0
    return widths


def _window(radius: int) -> np.ndarray:
    """Return a full 3x3 window for radius 1, a disk for larger ones."""
    shape = cv2.MORPH_RECT if radius == 1 else cv2.MORPH_ELLIPSE
    return cv2.getStructuringElement(shape, (2 * radius + 1, 2 * radius + 1))
