"""The door of the second stage: what maps must look like, and the seed map made from them."""

from __future__ import annotations

import numpy as np
from numba import njit

BODY, BORDER, SEPARATION = 0, 1, 2
"""Channels of the maps."""


def check_maps(maps: np.ndarray) -> np.ndarray:
    """Return the maps as contiguous float32, or say what is wrong with them.

    Parameters
    ----------
    maps : (3, H, W) floating
        Probabilities in [0, 1] of body, border and separation.

    Raises
    ------
    ValueError
        If the shape is another, a value is not finite, or one lies outside [0, 1] by more than
        rounding (1e-3).

    Examples
    --------
    >>> check_maps(np.zeros((3, 2, 2))).dtype
    dtype('float32')
    >>> check_maps(np.zeros((2, 2)))
    Traceback (most recent call last):
    ValueError: maps must be (3, H, W) with H and W at least 1, got shape (2, 2)
    """
    maps = np.asarray(maps)
    if maps.ndim != 3 or maps.shape[0] != 3 or 0 in maps.shape:
        raise ValueError(f"maps must be (3, H, W) with H and W at least 1, got shape {maps.shape}")
    if maps.dtype.kind not in "fbui":
        raise ValueError(f"maps must hold numbers, got dtype {maps.dtype}")
    maps = np.ascontiguousarray(maps, dtype=np.float32)
    low, high = float(maps.min()), float(maps.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        bad = int(maps.size - np.isfinite(maps).sum())
        raise ValueError(f"maps hold {bad} values that are NaN or infinite")
    if low < -1e-3 or high > 1 + 1e-3:
        raise ValueError(f"maps must lie in [0, 1], got {low:g} to {high:g}")
    return maps


def seed_map(maps: np.ndarray, border_weight: float) -> np.ndarray:
    """Return body * (1 - separation) * (1 - border_weight * border), (H, W) float32."""
    seed = maps[BODY] * (1 - maps[SEPARATION])
    if border_weight:
        seed *= 1 - border_weight * maps[BORDER]
    return seed


@njit(cache=True)
def seed_levels(maps, levels, border_weight):
    """Quantise the seed map, see `seed_map`, in one pass.

    Returns
    -------
    (H, W) uint8, floor of the seed map times ``levels``; ``levels`` itself only where it is 1.
    """
    _, height, width = maps.shape
    out = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            seed = maps[BODY, y, x] * (1 - maps[SEPARATION, y, x])
            seed *= 1 - border_weight * maps[BORDER, y, x]
            out[y, x] = int(min(max(seed, 0.0), 1.0) * levels)
    return out
