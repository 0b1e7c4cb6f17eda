"""A stack in, volumes out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from nucleisplit.cut import Cut
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import Stack
from nucleisplit.model import Bundle, Ensemble
from stage1_unet import Progress
from stage2_trees import (
    IoURegressor,
    LinkConfig,
    SelectConfig,
    VolumeConfig,
    cut_volume,
    link_slices,
    overlap_table,
    split_maps,
)

from .stack_maps import DIRECTIONS, map_stack
from .volume_table import measure_volumes

__all__ = ["METHODS", "SliceSegmenter", "StackSegmentation", "check_cut", "segment_stack"]

METHODS = ("volume", "slices")
"""Maps of three directions cut in 3-D; or slices segmented one by one and linked."""
_LEAST = 30
"""Voxels of a volume, at least."""
_MOST = 20.0
"""Largest distance of slices, in pixels, that planes across them can be stretched by."""


class SliceSegmenter(Protocol):
    """What a stack needs of a `Segmenter`."""

    ensemble: Ensemble
    bundle: Bundle
    regressor: IoURegressor
    selection: SelectConfig
    cut: Cut


def check_cut(cut: Cut) -> None:
    """Refuse what maps that are cut in 3-D know nothing of; `ConfigError`."""
    for name in ("sensitivity", "outline_bias"):
        if value := getattr(cut, name):
            raise ConfigError(
                f"{name} is {value}, and nuclei cut in 3-D know none",
                hint=f"give {name} 0, or segment slice by slice",
            )


@dataclass(frozen=True, eq=False)
class StackSegmentation:
    """The nuclei of one stack."""

    labels: np.ndarray
    """(Z, H, W) int32, 0 = background, 1..n = nuclei, by the slice they begin in."""
    table: pd.DataFrame
    """One row per nucleus, in the order of the labels; columns as in docs/formats.md."""
    anisotropy: float | None
    """Distance of the slices by the size of a pixel; None if unknown."""
    voxel_size: tuple[float, float, float] | None = None
    """Distance of the slices, height and width of a pixel, um; None if unknown."""
    maps: np.ndarray | None = None
    """(3, Z, H, W) uint8: body, border, separation times 255; None unless asked for."""
    diameter: float | None = None
    """Typical diameter of the nuclei in the slices, pixels; None where there are too few."""
    scale: float = 1.0
    """By which the planes were enlarged before the network saw them."""


def segment_stack(
    segmenter: SliceSegmenter,
    stack: np.ndarray | Stack,
    *,
    anisotropy: float | None = None,
    voxel_size: tuple[float, float, float] | None = None,
    method: str = "volume",
    name: str = "stack",
    keep_maps: bool = False,
    progress: Progress | None = None,
) -> StackSegmentation:
    """Outline, separate and measure the nuclei of a stack.

    Parameters
    ----------
    segmenter : Segmenter
        Its `min_iou` drops volumes, its `min_area` is their least number of voxels, its
        `sensitivity` that of every slice: it has to be 0 where the maps are cut in 3-D.
    stack : (Z, H, W) or (Z, H, W, C) ndarray, or Stack
        Of any numeric or boolean type; C is 1, 3 or 4. A `Stack` (`ImageSource.stack`) is read
        slice by slice and brings its voxel size.
    anisotropy : float, optional
        Distance of the slices by the size of a pixel; by default what the voxel size says.
    voxel_size : tuple of float, optional
        Distance of the slices, height and width of a pixel, um.
    method : {"volume", "slices"}
        ``volume``: the maps of planes in three directions are averaged and cut in 3-D.
        ``slices``: every slice is segmented as an image, and nuclei of consecutive slices are
        linked where their IoU is high; one direction instead of three, so it is faster, and not as
        good (docs/stacks.md).
    name : str
        What messages call the stack.
    keep_maps : bool
        Also return the maps of the first stage.
    progress : callable, optional
        Called with the share of the maps that is computed, from 0 to 1, before every run of a
        network, and with 1 before they are cut. What it raises ends the work.

    Returns
    -------
    StackSegmentation

    Raises
    ------
    InputError
        The stack has another shape, is empty, holds NaN, infinity or masked values, or the distance
        of its slices is not known.
    ConfigError
        An option is out of range.

    Examples
    --------
    A stack of 0.5 um slices and 0.25 um pixels:

        segmenter = nucleisplit.Segmenter()
        result = segment_stack(segmenter, stack, anisotropy=2)
        large = result.table.query("volume > 1000")
    """
    if method not in METHODS:
        raise ConfigError(f"method is {method!r}", hint=f"give one of {', '.join(METHODS)}")
    if isinstance(stack, Stack):
        voxel_size = voxel_size or stack.voxel_size
        name, stack = str(stack.source.path), stack.read()
    if np.ma.is_masked(stack):
        raise InputError(f"{name}: values of it are masked", hint="fill them in")
    stack = np.asarray(stack)
    if stack.ndim not in (3, 4) or 0 in stack.shape:
        raise InputError(
            f"{name}: is no stack, shape {stack.shape}", hint="give (Z, H, W) or (Z, H, W, C)"
        )
    if method == "volume":
        check_cut(segmenter.cut)
    anisotropy = _anisotropy(anisotropy, voxel_size)
    if anisotropy is None and method == "volume":
        raise InputError(
            f"{name}: the distance of its slices is not known",
            hint="give the anisotropy, that distance by the size of a pixel",
        )
    directions = DIRECTIONS if method == "volume" else "z"
    try:
        found = map_stack(segmenter.ensemble, stack, anisotropy or 1.0, directions, progress)
    except ValueError as error:
        raise InputError(f"{name}: {error}", hint="save it as gray or RGB numbers") from error
    if progress is not None:
        progress(1.0)
    nuclei, scores = _split_slices(segmenter, found.maps)
    least = {"min_volume": max(segmenter.cut.min_area, _LEAST)}
    if method == "volume" and anisotropy is not None:
        config = VolumeConfig(split_bias=segmenter.cut.split_bias, **least)
        labels = cut_volume(found.maps, anisotropy, config)
    else:
        labels = link_slices(nuclei, LinkConfig(**least)).labels
    predicted = _predicted_iou(labels, nuclei, scores)
    keep = predicted >= segmenter.cut.min_iou
    if not keep.all():
        new = np.append(0, np.where(keep, np.cumsum(keep), 0)).astype(np.int32)
        labels, predicted = new[labels], predicted[keep]
    table = measure_volumes(labels, stack, predicted, anisotropy=anisotropy, voxel_size=voxel_size)
    maps = found.maps if keep_maps else None
    return StackSegmentation(
        labels, table, anisotropy, voxel_size, maps, found.diameter, found.scale
    )


def _anisotropy(
    anisotropy: float | None, voxel_size: tuple[float, float, float] | None
) -> float | None:
    """Take what is given, or what the voxel size says; nothing is guessed."""
    if voxel_size is not None and not (
        len(voxel_size) == 3 and all(0 < length < math.inf for length in voxel_size)
    ):
        raise ConfigError(f"voxel_size is {voxel_size}", hint="give three lengths in um")
    if anisotropy is None:
        if voxel_size is None:
            return None
        anisotropy = voxel_size[0] / math.sqrt(voxel_size[1] * voxel_size[2])
    if not 1 / _MOST <= anisotropy <= _MOST:
        raise ConfigError(
            f"anisotropy is {anisotropy:g}", hint=f"give a number from {1 / _MOST:g} to {_MOST:g}"
        )
    return float(anisotropy)


def _split_slices(
    segmenter: SliceSegmenter, maps: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """All nuclei of every slice, (Z, H, W) int32, and the predicted IoU of each."""
    forest, selection = segmenter.bundle.config.forest, segmenter.selection
    labels, scores = np.empty(maps.shape[1:], np.int32), []
    for z, image in enumerate(labels):
        slice_ = maps[:, z] / np.float32(255)
        split = split_maps(slice_, segmenter.regressor, forest, selection=selection)
        image[:] = split.labels
        scores.append(split.predicted_iou)
    return labels, scores


def _predicted_iou(labels: np.ndarray, nuclei: np.ndarray, scores: list[np.ndarray]) -> np.ndarray:
    """What the second stage thinks of each volume, (n,) float64.

    In a slice, the predicted IoU of the nucleus there that agrees with the volume best, times the
    IoU of the two; over the slices, the mean weighted by area.
    """
    n = int(labels.max(initial=0))
    total, voxels = np.zeros(n + 1), np.zeros(n + 1)
    for image, own, score in zip(labels, nuclei, scores, strict=True):
        table = overlap_table(image, own)
        best = np.zeros(n + 1)
        np.maximum.at(best, table.a_ids, table.iou * score[table.b_ids - 1])
        area = np.bincount(image.ravel(), minlength=n + 1)
        total += area * best
        voxels += area
    return (total / np.maximum(voxels, 1))[1:]
