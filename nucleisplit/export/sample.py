"""The image that a package is shown with and tested on: a drawn one, or the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

from nucleisplit.errors import InputError
from nucleisplit.images import read_image

__all__ = ["draw_cover", "take_sample"]

_COLOURS = np.array([[0.15, 0.35, 0.75], [0.95, 0.55, 0.1], [1, 0.1, 0.3]], np.float32)
"""Of body, border and separation, later ones over earlier ones."""


def take_sample(shape: tuple[int, int], path: Path | None = None) -> np.ndarray:
    """Return the middle of an image, or draw one.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    path : Path, optional
        An image at least as large; without it, nuclei in fluorescence are drawn.

    Returns
    -------
    ndarray, shape (H, W, 3)
        Of the type of the image; gray is repeated three times.

    Raises
    ------
    InputError
        The image cannot be read, or is too small.
    """
    if path is None:
        return np.repeat(_draw_nuclei(shape)[..., None], 3, axis=2)
    image = read_image(path)
    image = image[..., None] if image.ndim == 2 else image[..., :3]
    if any(have < need for have, need in zip(image.shape[:2], shape, strict=True)):
        raise InputError(
            f"{path}: has {image.shape[0]} x {image.shape[1]} pixels",
            f"give an image of at least {shape[0]} x {shape[1]} pixels",
        )
    top, left = ((have - need) // 2 for have, need in zip(image.shape[:2], shape, strict=True))
    image = image[top : top + shape[0], left : left + shape[1]]
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def _draw_nuclei(shape: tuple[int, int]) -> np.ndarray:
    """Draw bright ellipses, every third against the one before, (H, W) uint8; always the same."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    light = np.zeros(shape)
    y = x = 0.0
    for number in range(shape[0] * shape[1] // 1500):
        radius = rng.uniform(9, 13)
        if number % 3 == 2:
            angle = rng.uniform(0, 2 * np.pi)
            y, x = y + 2 * radius * np.sin(angle), x + 2 * radius * np.cos(angle)
        else:
            y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 1.25)
        along = np.cos(turn) * (columns - x) + np.sin(turn) * (rows - y)
        across = np.cos(turn) * (rows - y) - np.sin(turn) * (columns - x)
        inside = np.hypot(along / stretch, across * stretch) < radius
        if number % 3 == 2 or not light[inside].any():
            light[inside & (light == 0)] = rng.uniform(0.5, 1)
    counts = rng.poisson(60 * (0.08 + ndi.gaussian_filter(light, 1.0)))
    return np.clip(2.5 * counts, 0, 255).astype(np.uint8)


def draw_cover(image: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Draw an image and its maps side by side.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), float32 in [0, 1]
    maps : ndarray, shape (3, H, W), float32 in [0, 1]

    Returns
    -------
    ndarray, shape (S, 2 * S, 3), uint8
        The square at the upper left of both.
    """
    side = min(image.shape[:2])
    right = np.zeros_like(image)
    for colour, share in zip(_COLOURS, maps[..., None], strict=True):
        right = right * (1 - share) + colour * share
    both = np.concatenate([image[:side, :side], right[:side, :side]], axis=1)
    return np.rint(255 * both).astype(np.uint8)
