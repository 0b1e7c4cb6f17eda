"""Maps of a stack: those of its planes, averaged over the directions in which it is sliced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nucleisplit.images import as_real
from nucleisplit.model import Ensemble, ImageScaling
from stage1_unet import Progress, part_of

__all__ = ["DIRECTIONS", "StackMaps", "map_stack"]

DIRECTIONS = "zyx"
"""Of the planes that are averaged: slices, and planes across them along columns and along rows."""

_GLANCE = 1_000_000
_SAMPLES = 4
"""The intensities of a stack are measured on so many voxels, its nuclei on so many slices."""


@dataclass(frozen=True, eq=False)
class StackMaps:
    """The maps of one stack."""

    maps: np.ndarray
    """(3, Z, H, W) uint8: body, border and separation times 255."""
    diameter: float | None
    """Typical diameter of the nuclei in the slices, pixels; None where there are too few."""
    scale: float
    """By which the planes were enlarged before the (first) network saw them."""


def map_stack(
    ensemble: Ensemble,
    stack: np.ndarray,
    anisotropy: float = 1.0,
    directions: str = DIRECTIONS,
    progress: Progress | None = None,
) -> StackMaps:
    """Compute the maps of all planes of a stack and average them where they cross.

    Intensities are scaled alike in all planes, and all are shown to the network at one scale: the
    first is measured all over the stack, the second on the slices with the most contrast. Beside
    the stack, 9 bytes a voxel are held (3 for a single direction).

    Parameters
    ----------
    ensemble : Ensemble
    stack : (Z, H, W) or (Z, H, W, C) ndarray
        Of any numeric or boolean type; C is 1, 3 or 4.
    anisotropy : float
        Distance of the slices by the size of a pixel. Planes across the slices are stretched by
        it, so that nuclei look there as they do in the slices.
    directions : str
        Some of ``"zyx"``, the slices (``z``) among them or not.
    progress : callable, optional
        See `stage1_unet.Progress`.

    Raises
    ------
    ValueError
        The planes are no images, see `Ensemble.predict`.
    """
    heard = part_of(progress, 0, 1)
    scalings, radius = _survey(ensemble, stack, lambda share: heard(0.0))
    axes = [DIRECTIONS.index(direction) for direction in directions]
    total = sum(stack.shape[axis] for axis in axes)
    sums = np.zeros((3, *stack.shape[:3]), np.uint8 if len(axes) == 1 else np.uint16)
    done = 0
    for axis in axes:
        out = np.moveaxis(sums, axis + 1, 0)
        for place, plane in enumerate(np.moveaxis(stack, axis, 0)):
            stretch = anisotropy if axis else 1
            own = part_of(progress, done, total)
            maps = _map_plane(ensemble, plane, scalings, stretch, own)
            out[place] += np.rint(255 * maps).astype(sums.dtype)
            done += 1
    return StackMaps(_mean(sums, len(axes)), radius and 2 * radius, float(scalings[0].scale))


def _survey(
    ensemble: Ensemble, stack: np.ndarray, progress: Progress
) -> tuple[list[ImageScaling], float | None]:
    voxels = math.prod(stack.shape[:3])
    step = max(1, math.isqrt(voxels // _GLANCE))
    glance = stack[:, ::step, ::step]
    spread = [np.ptp(np.percentile(as_real(part), (1, 99))) for part in glance]
    samples = np.sort(np.argsort(spread, kind="stable")[::-1][:_SAMPLES])
    scalings, _, radius = ensemble.survey(
        glance.reshape(-1, *stack.shape[3:]), list(stack[samples]), progress
    )
    return scalings, radius


def _map_plane(
    ensemble: Ensemble,
    plane: np.ndarray,
    scalings: Sequence[ImageScaling],
    stretch: float,
    progress: Progress,
) -> np.ndarray:
    """Compute the maps of a plane, (3, h, w), that is shown with its rows stretched."""
    height = plane.shape[0]
    rows = max(1, round(height * stretch))
    if rows == height:
        return ensemble.predict_at(np.ascontiguousarray(plane), scalings, progress)
    maps = ensemble.predict_at(_resize(as_real(plane), rows), scalings, progress)
    return np.stack([_resize(one, height) for one in maps])


def _resize(image: np.ndarray, rows: int) -> np.ndarray:
    """Change the number of rows: means when there are fewer, else linear."""
    method = cv2.INTER_AREA if rows < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(image), (image.shape[1], rows), interpolation=method)


def _mean(sums: np.ndarray, count: int) -> np.ndarray:
    if count == 1:
        return sums
    mean = np.empty(sums.shape, np.uint8)
    for channel, total in zip(mean, sums, strict=True):
        for image, part in zip(channel, total, strict=True):
            image[:] = (part + count // 2) // count
    return mean
