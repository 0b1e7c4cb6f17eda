"""What the network is to predict, drawn from a label image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

CHANNELS = ("body", "border", "separation")
"""Names of the maps, in their order along the first axis."""

WIDTH_AREAS = (300, 2000)
"""Areas, square pixels, from which the border band is two and three pixels wide."""


def make_targets(
    labels: np.ndarray, channels: Sequence[str] = CHANNELS, distance: bool = False
) -> np.ndarray:
    """Draw the masks of a label image that a network is to predict.

    *Body* is every labelled pixel. *Border* is the band along the inner contour of each nucleus,
    one pixel wide below 300 square pixels, two below 2000, three above, as the winners of the
    Data Science Bowl 2018 had it. *Separation* is every pixel, labelled or not, from which two
    different nuclei lie no farther than one pixel more than that width, the smaller nucleus
    counting. *Distance* is how far a pixel lies from the nearest that is not of its nucleus,
    divided by the largest such distance in the nucleus. The edge of the image is no contour.

    Parameters
    ----------
    labels : ndarray of int, shape (H, W)
        0 is background; below 0 is uncertain, and background for every mask.
    channels : sequence of str
        Which of `CHANNELS` to draw.
    distance : bool
        Whether to append the distance.

    Returns
    -------
    ndarray, shape (K, H, W), float32
        0 or 1 in the order of `channels`, then the distance in [0, 1].

    Examples
    --------
    Two touching nuclei, one pixel high:

    >>> labels = np.array([[0, 1, 1, 1, 2, 2, 2, 0]])
    >>> make_targets(labels).astype(int)[:, 0].tolist()
    [[0, 1, 1, 1, 1, 1, 1, 0], [0, 1, 0, 1, 1, 0, 1, 0], [0, 0, 1, 1, 1, 1, 0, 0]]
    >>> make_targets(labels, ["body"], distance=True)[1, 0].tolist()
    [0.0, 0.5, 1.0, 0.5, 0.5, 1.0, 0.5, 0.0]
    """
    labels = np.maximum(labels, 0)
    masks = {"body": labels > 0}
    if set(channels) - {"body"}:
        masks["border"], masks["separation"] = _draw_bands(labels, _band_widths(labels))
    drawn = [masks[name] for name in channels]
    if distance:
        drawn.append(_draw_distance(labels))
    return np.stack(drawn).astype(np.float32)


def _draw_bands(labels: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw border and separation; `widths` holds the band width of each id."""
    near = labels.astype(np.float32)
    far = np.where(labels > 0, near, np.float32(widths.size - 1))  # background never the lowest
    border = np.zeros(labels.shape, bool)
    separation = np.zeros(labels.shape, bool)
    for width in range(1, int(widths.max()) + 1):
        contour = _contour(near, width)
        border |= contour & (widths[labels] == width)
        reach = _window(width + 1)
        high, low = cv2.dilate(near, reach), cv2.erode(far, reach)
        smaller = np.minimum(widths[high.astype(np.int32)], widths[low.astype(np.int32)])
        separation |= (low < high) & (smaller >= width)
    return border, separation


def _draw_distance(labels: np.ndarray) -> np.ndarray:
    """Draw the distance from the edge, one pixel at the contour, scaled to 1 in each nucleus."""
    inner = (labels > 0) & ~_contour(labels.astype(np.float32), 1)
    distance = cv2.distanceTransform(inner.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = np.where(labels > 0, distance + 1, 0)
    peaks = np.ones(int(labels.max(initial=0)) + 1, np.float32)
    np.maximum.at(peaks, labels.ravel(), distance.ravel())
    return distance / peaks[labels]


def _contour(near: np.ndarray, width: int) -> np.ndarray:
    """Mark the pixels with another value in the window of that radius around them."""
    window = _window(width)
    return (cv2.dilate(near, window) != near) | (cv2.erode(near, window) != near)


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
