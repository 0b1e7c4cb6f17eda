"""What tells the class of a nucleus: its shape, and colour, stain and texture within and around it.

These numbers are for a classifier, not for a user. Light is taken between two percentiles of the
image, so that brightness and staining of the image as a whole count less.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numba
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
_BAND = 2**16
"""Pixels of a band."""
_DARKEST = 0.05
"""Light that is let through at least, where absorbance is computed."""


def describe_nuclei(
    regions: Regions,
    image: np.ndarray,
    span: tuple[float, float],
    radius: float,
    shapes: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Describe every nucleus of a label image by `FEATURES`.

    Parameters
    ----------
    regions : Regions
        Of the label image.
    image : (H, W) or (H, W, C) ndarray
        Its first three channels are taken for red, green and blue; one stands for all three.
    span : (float, float)
        Values of the image that become 0 and 1, see `stage1_unet.measure_levels`.
    radius : float
        Typical radius of nuclei, pixels.
    shapes : mapping, optional
        What `measure_shapes` says of them, where it is at hand.

    Returns
    -------
    (n, len(FEATURES)) float32 ndarray
        By ascending label; NaN where there is no ring.
    """
    n = len(regions)
    if not n:
        return np.zeros((0, len(FEATURES)), np.float32)
    shapes = measure_shapes(regions) if shapes is None else shapes
    columns = [np.log(regions.area), *(shapes[name] for name in _SHAPE)]

    parts, count = _parts(regions.labels, _grown(regions.labels, radius), n)
    rgb = (0, 1, 2) if image.ndim == 3 and image.shape[2] >= 3 else (0, 0, 0)
    sums = _sum_planes(image, span, radius, parts, np.zeros((rgb[-1] + 5, 2, count.size)))
    sums, count = sums[..., 1:].reshape(-1, 2, 3, n), count[1:].reshape(3, n)

    mean, square = np.moveaxis(sums[:, :, :2].sum(axis=2) / regions.area, 1, 0)
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    rim = sums[:, 0, 1] / count[1]
    with np.errstate(invalid="ignore"):
        ring = sums[:, 0, 2] / count[2]
    found = np.stack([mean, spread, rim - mean, ring, mean - ring], axis=1)
    for plane in (*rgb, -4, -3):
        columns.extend(found[plane])
    for plane in (-2, -1):
        columns += [mean[plane], ring[plane]]
    return np.stack(columns, axis=1).astype(np.float32)


def _sum_planes(
    image: np.ndarray,
    span: tuple[float, float],
    radius: float,
    parts: np.ndarray,
    sums: np.ndarray,
) -> np.ndarray:
    """Add up every plane over each part: the colours, haematoxylin, eosin, and the two details.

    Colours are taken in bands of rows, which stay in the cache of the processor. `sums` are
    (planes, 2, parts), all 0, and returned.
    """
    channels = len(sums) - 4
    plain = np.eye(channels, dtype=np.float32)
    unmix = -_UNMIX.T if channels == 3 else -_UNMIX.T.sum(axis=1, keepdims=True)
    unmix = unmix.astype(np.float32)  # gray absorbs all three alike
    lightness = np.empty(parts.shape, np.float32)
    step = max(1, _BAND // parts.shape[1])
    for band in (slice(top, top + step) for top in range(0, len(parts), step)):
        light = _light(image[band], span)
        cv2.transform(light, plain.mean(axis=0, keepdims=True), lightness[band])
        _add_up(light, parts[band], plain, sums)
        absorbed = np.maximum(light, np.float32(_DARKEST))
        _add_up(cv2.log(absorbed, absorbed), parts[band], unmix, sums[channels:])
    for plane, detail in enumerate(_details(lightness, radius), start=channels + 2):
        _add_up(detail[..., None], parts, plain[:1, :1], sums[plane:])
    return sums


def _light(image: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Scale to 0 to 1, (H, W, 1) or (H, W, 3) float32."""
    low, high = span
    image = image[..., None] if image.ndim == 2 else image[..., :3]
    image = image if image.shape[-1] == 3 else image[..., :1]
    light = image.astype(np.float32)
    light -= np.float32(low)
    light *= np.float32(1 / (high - low) if high > low else 0.0)
    return np.clip(light, 0, 1, out=light)


def _details(lightness: np.ndarray, radius: float) -> list[np.ndarray]:
    """Differences of the lightness to a blur of it, and of that to a coarser one."""
    fine, coarse = (cv2.blur(lightness, 2 * (_odd(share * radius),)) for share in (_FINE, _COARSE))
    return [cv2.absdiff(lightness, fine), cv2.absdiff(fine, coarse)]


def _odd(length: float) -> int:
    return 2 * max(1, round(length / 2)) + 1


def _grown(labels: np.ndarray, radius: float) -> np.ndarray:
    """Grow the nuclei by the width of the ring; where several are near, by the highest label."""
    side = 2 * max(2, round(_RING * radius)) + 1
    return cv2.dilate(labels.astype(np.float32), np.ones((side, side), np.uint8))


@numba.njit(cache=True)
def _parts(labels, grown, n):  # pragma: no cover - compiled
    """Number the parts of nuclei 1..n, and count their pixels.

    Part k is the middle of nucleus k, n + k its rim, 2 n + k its ring, 0 all else. The rim is
    beside another label, or beside the edge of the image.
    """
    height, width = labels.shape
    parts = np.zeros((height, width), np.int32)
    count = np.zeros(3 * n + 1, np.int64)
    for y in range(height):
        for x in range(width):
            k = labels[y, x]
            if k == 0:
                part = 2 * n + np.int32(grown[y, x]) if grown[y, x] > 0 else 0
            elif (
                0 < y < height - 1
                and 0 < x < width - 1
                and labels[y - 1, x] == k
                and labels[y + 1, x] == k
                and labels[y, x - 1] == k
                and labels[y, x + 1] == k
            ):
                part = k
            else:
                part = n + k
            parts[y, x] = part
            count[part] += 1
    return parts, count


@numba.njit(cache=True)
def _add_up(values, parts, mix, sums):  # pragma: no cover - compiled
    """Add up mixtures of the channels over each part, and their squares, into (C, 2, parts).

    Row i of `mix` holds the share of every channel of the values in mixture i.
    """
    height, width, channels = values.shape
    for y in range(height):
        for x in range(width):
            part = parts[y, x]
            if part:
                for i in range(len(mix)):
                    value = np.float32(0)
                    for channel in range(channels):
                        value += mix[i, channel] * values[y, x, channel]
                    sums[i, 0, part] += value
                    sums[i, 1, part] += np.float64(value) * value
