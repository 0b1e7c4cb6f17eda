"""How the brightness of a nucleus changes from pixel to pixel."""

from __future__ import annotations

import numba
import numpy as np

from .columns import TEXTURE
from .regions import Regions

__all__ = ["LEVELS", "measure_textures"]

LEVELS = 16
"""Levels into which the brightness of each nucleus is cut, from its darkest to its brightest."""


def measure_textures(regions: Regions, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns `TEXTURE` for the values of the pixels at `Regions.places`, (p,).

    They are properties of the co-occurrence matrix (Haralick et al. 1973) of the `LEVELS` levels of
    a nucleus, over the pairs of its pixels that touch at an edge or a corner, either way round. The
    levels are a fixed number of bins (as the Image Biomarker Standardisation Initiative defines
    them), so neither brightness nor contrast of the whole nucleus counts. As in
    `skimage.feature.graycoprops`, a nucleus of one brightness has a correlation of 1. One without
    pairs has NaN.
    """
    found = np.full((len(TEXTURE), len(regions)), np.nan)
    _measure(regions.labels, regions.places, regions.start, values.astype(float), found)
    return dict(zip(TEXTURE, found, strict=True))


@numba.njit(cache=True)
def _measure(labels, places, start, values, found):  # pragma: no cover - compiled
    height, width = labels.shape
    levels = np.zeros(labels.size, np.uint8)
    matrix = np.empty((LEVELS, LEVELS), np.int64)
    for k in range(start.size - 1):
        low, high = np.inf, -np.inf
        for i in range(start[k], start[k + 1]):
            low, high = min(low, values[i]), max(high, values[i])
        for i in range(start[k], start[k + 1]):
            if high > low:
                share = (values[i] - low) / (high - low)
                levels[places[i]] = min(int(LEVELS * share), LEVELS - 1)
        matrix[:] = 0
        pairs = 0
        for i in range(start[k], start[k + 1]):
            y = places[i] // width
            x = places[i] - y * width
            own = levels[places[i]]
            for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
                if y + dy < height and 0 <= x + dx < width and labels[y + dy, x + dx] == k + 1:
                    other = levels[(y + dy) * width + x + dx]
                    matrix[own, other] += 1
                    matrix[other, own] += 1
                    pairs += 2
        if pairs:
            found[0, k], found[1, k], found[2, k], found[3, k] = _properties(matrix / pairs)


@numba.njit(cache=True)
def _properties(share):  # pragma: no cover - compiled
    """Return contrast, homogeneity, correlation and entropy of a symmetric matrix."""
    contrast = homogeneity = entropy = mean = square = product = 0.0
    for i in range(LEVELS):
        for j in range(LEVELS):
            p = share[i, j]
            if p > 0:
                contrast += p * (i - j) ** 2
                homogeneity += p / (1 + (i - j) ** 2)
                entropy -= p * np.log(p)
                mean += p * i
                square += p * i * i
                product += p * i * j
    variance = square - mean * mean
    correlation = (product - mean * mean) / variance if variance > 1e-12 else 1.0
    return contrast, homogeneity, correlation, entropy
