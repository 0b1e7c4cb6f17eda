"""How large the nuclei of an image are, and the scale at which the network sees them best."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np

_LEVEL = 0.5
_LEAST_AREA = 8
_LEAST_PIECES = 3
_SMALLEST, _LARGEST = 1 / 8, 4
_NEAR = 1.25
"""Factor within which the nuclei of an image that is rescaled come to the middle of the range."""
_CAUTION = 0.75
"""Exponent of the factor by which nuclei that seem small are enlarged at first."""
_STEPS = 8
"""Scales are fractions with at most this denominator, so that tiles can lie on a common grid."""


def piece_areas(maps: np.ndarray) -> np.ndarray:
    """Measure the pieces of ``body * (1 - separation)`` above one half.

    Parameters
    ----------
    maps : ndarray, shape (3, H, W), float32 in [0, 1]

    Returns
    -------
    ndarray of int32
        Pixels of every piece that is no speck.
    """
    pieces = (maps[0] * (1 - maps[2]) > _LEVEL).astype(np.uint8)
    areas = cv2.connectedComponentsWithStats(pieces, connectivity=4)[2][1:, cv2.CC_STAT_AREA]
    return areas[areas >= _LEAST_AREA]


def typical_radius(areas: np.ndarray) -> float | None:
    """Return the median radius of nuclei, each weighted by its radius.

    So neither specks and fragments, however many, nor one large artefact decide.

    Parameters
    ----------
    areas : ndarray
        Pixels of each nucleus.

    Returns
    -------
    float or None
        Of the disk with that area; None for fewer than three nuclei.

    Examples
    --------
    >>> round(typical_radius(np.array([9, 9, 9, 9, 314, 314])), 2)
    10.0
    """
    if len(areas) < _LEAST_PIECES:
        return None
    radii = np.sort(np.sqrt(areas / np.pi))
    total = np.cumsum(radii)
    return float(radii[np.searchsorted(total, total[-1] / 2)])


def choose_scale(radius: float, radius_range: tuple[float, float]) -> Fraction:
    """Choose the scale that brings nuclei into the middle of a range, 1 when they are within it.

    Parameters
    ----------
    radius : float
        Of the nuclei, pixels.
    radius_range : tuple of float
        Smallest and largest radius; the middle is their geometric mean.

    Returns
    -------
    Fraction
        As `snap_scale` gives.

    Examples
    --------
    >>> [str(choose_scale(radius, (7, 28))) for radius in (3.5, 7, 28, 56)]
    ['4', '1', '1', '1/4']
    """
    low, high = radius_range
    if low <= radius <= high:
        return Fraction(1)
    return snap_scale((low * high) ** 0.5 / radius)


def correct_scale(scale: Fraction, radius: float, radius_range: tuple[float, float]) -> Fraction:
    """Correct the scale of an image by how large its nuclei came out at that scale.

    An image as it is stays so when its nuclei are within the range. Else they are brought near the
    middle, in steps: the network measures small nuclei as even smaller, in pieces or by their
    bright parts alone, so the first step does not enlarge them by all that seems to be missing.

    Parameters
    ----------
    scale : Fraction
        At which the image was shown.
    radius : float
        Of the nuclei, pixels as shown.
    radius_range : tuple of float
        As for `choose_scale`.

    Returns
    -------
    Fraction
        The scale itself when it is good enough.

    Examples
    --------
    >>> [str(correct_scale(Fraction(1), radius, (7, 28))) for radius in (8, 5, 56)]
    ['1', '13/6', '1/4']
    >>> [str(correct_scale(Fraction(13, 6), radius, (7, 28))) for radius in (13, 20)]
    ['13/6', '3/2']
    """
    low, high = radius_range
    middle = (low * high) ** 0.5
    if scale != 1:
        low, high = middle / _NEAR, middle * _NEAR
    if low <= radius <= high:
        return scale
    enlarges = scale == 1 and radius < middle
    return snap_scale(scale * (middle / radius) ** (_CAUTION if enlarges else 1))


def snap_scale(scale: float | Fraction) -> Fraction:
    """Round a scale to a fraction of small numbers, from 1/8 to 4.

    >>> [str(snap_scale(scale)) for scale in (0.01, 0.3, 1.4, 100)]
    ['1/8', '2/7', '7/5', '4']
    """
    return Fraction(min(max(scale, _SMALLEST), _LARGEST)).limit_denominator(_STEPS)


def resize(image: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Change the size of an image: means of areas when shrinking, else bilinear.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C), float32
    shape : sequence of int
        New height and width.

    Returns
    -------
    ndarray, float32
        The image itself when it has that size.
    """
    height, width = shape
    if image.shape[:2] == (height, width):
        return image
    smaller = height * width < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method)


def resize_maps(maps: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Change the size of maps, (3, H, W) float32, as `resize` does."""
    return np.stack([resize(one, shape) for one in maps])
