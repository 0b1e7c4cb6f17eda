"""Merge one mask per nucleus, as the Data Science Bowl 2018 ships them, into a label image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.images import read_image

from .clean import CleaningNotes

__all__ = ["merge_masks"]


def merge_masks(paths: Sequence[Path]) -> tuple[np.ndarray, CleaningNotes]:
    """Merge masks; a pixel that several claim goes to the smallest of them.

    Parameters
    ----------
    paths : sequence of Path
        Gray or colour images of one shape. A pixel belongs to the nucleus where its brightest
        channel exceeds half of the largest value of the file, so 0/1 and 0/255 both work.

    Returns
    -------
    labels : (H, W) int32 ndarray
        The i-th path has id i + 1 (unless others cover it wholly). Of two masks of equal size the
        later one wins.
    notes : CleaningNotes
        `overlap_pixels`, and masks without a pixel as `specks_dropped`.

    Raises
    ------
    InputError
        A mask cannot be read, or its shape differs from that of the first.
    """
    found: list[tuple[int, int, np.ndarray]] = []
    shape: tuple[int, ...] = ()
    for number, path in enumerate(paths, start=1):
        mask = read_image(path)
        if mask.ndim == 3:
            mask = mask.max(axis=2)
        shape = shape or mask.shape
        if mask.shape != shape:
            raise InputError(
                f"{path}: is {mask.shape[0]}x{mask.shape[1]} pixels, {Path(paths[0]).name} is "
                f"{shape[0]}x{shape[1]}",
                "export the masks of an image at one size",
            )
        pixels = np.flatnonzero(mask > mask.max() / 2)
        found.append((pixels.size, number, pixels))
    claims = np.zeros(int(np.prod(shape)), np.int32)
    labels = np.zeros(claims.size, np.int32)
    for _, number, pixels in sorted(found, key=lambda mask: (-mask[0], mask[1])):
        claims[pixels] += 1
        labels[pixels] = number
    notes = CleaningNotes(
        specks_dropped=sum(size == 0 for size, _, _ in found),
        overlap_pixels=int((claims > 1).sum()),
    )
    return labels.reshape(shape), notes
