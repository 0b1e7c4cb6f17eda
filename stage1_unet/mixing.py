"""Two crops made into one."""

from __future__ import annotations

import cv2
import numpy as np

Crop = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Image (3, S, S), targets (K, S, S) and weights (1, S, S), float32."""

SEAM = 2
"""How far from the cut nothing is learnt, pixels: whether a contour runs there cannot be told."""


def mix_up(first: Crop, second: Crop, rng: np.random.Generator) -> Crop:
    """Blend two crops (Zhang et al. 2018, *mixup*), mostly the first or mostly the second.

    Targets and weights are blended by the same share, and what is uncertain in either stays so.
    """
    share = np.float32(rng.beta(0.4, 0.4))
    image, targets, weights = (
        share * a + (1 - share) * b for a, b in zip(first, second, strict=True)
    )
    return image, targets, weights * ((first[2] > 0) & (second[2] > 0))


def cut_mix(first: Crop, second: Crop, rng: np.random.Generator) -> Crop:
    """Set a rectangle of one crop into another (Yun et al. 2019, *CutMix*).

    Each pixel keeps the targets of the crop it comes from, so the cut is no contour; the pixels
    next to it, up to `SEAM`, get weight 0. The rectangle covers any share of the crop, all shares
    being equally likely.
    """
    side = first[0].shape[-1]
    half = np.sqrt(rng.random()) * side / 2
    middle = rng.uniform(0, side, 2)
    low, high = (np.clip(np.rint(middle + by), 0, side).astype(int) for by in (-half, half))
    inside = np.zeros((side, side), np.uint8)
    inside[low[0] : high[0], low[1] : high[1]] = 1
    image, targets, weights = (np.where(inside, b, a) for a, b in zip(first, second, strict=True))
    reach = np.ones((2 * SEAM + 1, 2 * SEAM + 1), np.uint8)
    seam = cv2.dilate(inside, reach) != cv2.erode(inside, reach)
    return image, targets, np.where(seam, np.float32(0), weights)
