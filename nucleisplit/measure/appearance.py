"""What tells the class of a nucleus: its shape, and colour, stain and texture within and around it.

These numbers are for a classifier, not for a user. Light is taken between two percentiles of the
image, so that brightness and staining of the image as a whole count less.
"""

from __future__ import annotations

import cv2
import numpy as np

from .regions import Regions
from .shape import measure_shapes

__all__ = ["FEATURES", "describe_nuclei"]

_SHAPE = (
    "axis_minor_length",
    "feret_diameter_max",
    "eccentricity",
    "solidity",
    "circularity",
    "extent",
)
_COLOURS = ("red", "green", "blue", "haematoxylin", "eosin")
_DETAILS = ("fine", "coarse")
FEATURES = (
    "area",
    *_SHAPE,
    *(f"{name}_{part}" for name in _COLOURS for part in ("mean", "std", "rim", "ring", "contrast")),
    *(f"{name}_{part}" for name in _DETAILS for part in ("mean", "ring")),
)
"""Names of the columns. Of each colour, ``mean`` and ``std`` are of the pixels inside, ``rim`` is
the mean of those at the outline less that of all inside, ``ring`` the mean of the pixels around
that are no nucleus, ``contrast`` how much the inside lies above it. Details are the absolute
differences between the lightness and blurred copies of it."""

_RING, _FINE, _COARSE = 0.5, 0.25, 1.0
"""Width of the ring, and sides of the blurs, by the typical radius."""
_UNMIX = np.linalg.inv([(0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78)])[:, :2]
"""From the absorbance of red, green and blue to haematoxylin and eosin (Ruifrok, Johnston 2001)."""
_DARKEST = 0.05
"""Light that is let through at least, where absorbance is computed."""


def describe_nuclei(
    labels: np.ndarray, image: np.ndarray, span: tuple[float, float], radius: float
) -> np.ndarray:
    """Describe every nucleus of a label image by `FEATURES`.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background.
    image : (H, W) or (H, W, C) ndarray
        Its first three channels are taken for red, green and blue; one stands for all three.
    span : (float, float)
        Values of the image that become 0 and 1, see `stage1_unet.measure_levels`.
    radius : float
        Typical radius of nuclei, pixels.

    Returns
    -------
    (n, len(FEATURES)) float32 ndarray
        By ascending label; NaN where there is no ring.
    """
    regions = Regions.of(labels)
    n = len(regions)
    if not n:
        return np.zeros((0, len(FEATURES)), np.float32)
    shapes = measure_shapes(regions)
    columns = [np.log(regions.area), *(shapes[name] for name in _SHAPE)]

    # The pixels of the three parts, each with the nucleus that it belongs to.
    inside, first = regions.places, regions.start[:-1]
    owner = np.repeat(np.arange(n), regions.area)
    edge = np.flatnonzero(_at_outline(regions.labels).ravel()[inside])
    ring, near = _ring(regions.labels, max(2, round(_RING * radius)))

    light = _light(image, span)
    flat = light.reshape(-1, light.shape[-1])
    within, around = _colours(flat[inside]), _colours(flat[ring])
    mean = np.add.reduceat(within, first) / regions.area[:, None]
    square = np.add.reduceat(within * within, first) / regions.area[:, None]
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    rim = _means(within[edge], owner[edge], n)
    outer = _means(around, near, n)
    colours = np.stack([mean, spread, rim - mean, outer, mean - outer], axis=2)
    columns.extend(colours.reshape(n, -1).T)
    for detail in _details(light, radius):
        columns.append(np.add.reduceat(detail[inside], first, dtype=float) / regions.area)
        columns.append(_means(detail[ring, None], near, n)[:, 0])
    return np.stack(columns, axis=1).astype(np.float32)


def _means(values: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """Mean of the rows of each owner, (n, k); NaN for one without any."""
    count = np.bincount(owner, minlength=n)
    sums = [np.bincount(owner, column, n) for column in values.T]
    with np.errstate(invalid="ignore"):
        return np.stack(sums, axis=1) / count[:, None]


def _light(image: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Scale to 0 to 1, (H, W, 1) or (H, W, 3) float32."""
    low, high = span
    image = image[..., None] if image.ndim == 2 else image[..., :3]
    image = image if image.shape[-1] == 3 else image[..., :1]
    light = image.astype(np.float32)
    light -= np.float32(low)
    light *= np.float32(1 / (high - low) if high > low else 0.0)
    return np.clip(light, 0, 1, out=light)


def _colours(light: np.ndarray) -> np.ndarray:
    """Red, green, blue, haematoxylin and eosin of pixels, (p, 5) float64."""
    light = np.broadcast_to(light, (len(light), 3)).astype(float)
    return np.concatenate([light, -np.log(np.maximum(light, _DARKEST)) @ _UNMIX], axis=1)


def _details(light: np.ndarray, radius: float) -> list[np.ndarray]:
    """Differences of the lightness to a blur of it, and of that to a coarser one; flattened."""
    channels = light.shape[-1]
    lightness = cv2.transform(light, np.full((1, channels), 1 / channels, np.float32))
    fine, coarse = (cv2.blur(lightness, 2 * (_odd(share * radius),)) for share in (_FINE, _COARSE))
    return [cv2.absdiff(lightness, fine).ravel(), cv2.absdiff(fine, coarse).ravel()]


def _odd(length: float) -> int:
    return 2 * max(1, round(length / 2)) + 1


def _at_outline(labels: np.ndarray) -> np.ndarray:
    """Tell the pixels beside another label, or beside the edge of the image."""
    padded = np.pad(labels, 1)
    middle = padded[1:-1, 1:-1]
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    differs = np.zeros(labels.shape, bool)
    for other in beside:
        differs |= other != middle
    return differs


def _ring(labels: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the background within `width` pixels of a nucleus, and the row of that nucleus.

    Where several are near, the one with the highest label counts.
    """
    side = 2 * width + 1
    grown = cv2.dilate(labels.astype(np.float32), np.ones((side, side), np.uint8))
    places = np.flatnonzero((labels == 0) & (grown > 0))
    return places, grown.ravel()[places].astype(np.int64) - 1
