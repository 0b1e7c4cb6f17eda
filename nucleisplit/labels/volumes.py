"""Write label stacks with their axes and voxel size, each whole or not at all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit.files import replacing

from .tiff import ome_lengths, smallest_type

__all__ = ["write_volumes"]


def write_volumes(
    path: str | Path,
    labels: np.ndarray,
    voxel_size: tuple[float, float, float] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a label stack as a compressed OME-TIFF of the smallest unsigned type that fits.

    `open_image` reads it back with `ImageSource.stack`, voxel size included.

    Parameters
    ----------
    path : str or Path
    labels : (Z, H, W) integer ndarray
        0 = background; not negative.
    voxel_size : tuple of float, optional
        Distance of the slices, height and width of a pixel, um.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        The array is no label stack, or a length is not positive.
    """
    import tifffile

    labels = np.asarray(labels)
    if labels.ndim != 3 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be 3-D integers, got {labels.ndim}-D {labels.dtype}")
    if labels.size and labels.min() < 0:
        raise ValueError(f"labels must not be negative, got {labels.min()}")
    metadata: dict[str, Any] = {"axes": "ZYX"}
    options: dict[str, Any] = {}
    if voxel_size is not None:
        if len(voxel_size) != 3 or not all(0 < length < math.inf for length in voxel_size):
            raise ValueError(f"voxel_size must be three positive lengths, got {voxel_size}")
        metadata, options = ome_lengths("ZYX", voxel_size)
    with replacing(path, overwrite) as part:
        tifffile.imwrite(
            part,
            labels.astype(smallest_type(int(labels.max(initial=0)))),
            ome=True,
            compression="zlib",
            photometric="minisblack",
            software="nucleisplit",
            metadata=metadata,
            **options,
        )
