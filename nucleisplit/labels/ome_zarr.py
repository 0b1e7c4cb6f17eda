"""Label images as OME-Zarr, for napari, QuPath, Fiji and what runs on clusters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .label_stream import LabelStream, as_stream
from .ome_zarr_pyramid import label_pyramid
from .tiff import smallest_type

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_ome_zarr"]


def write_ome_zarr(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
    *,
    pixel_size: float | tuple[float, float] | None = None,
) -> None:
    """Write a label image as ``labels/nuclei`` of an OME-Zarr 0.4, with a pyramid.

    `nucleisplit.labels.read_labels` reads it.

    Parameters
    ----------
    path : str or Path
        The folder.
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Not used.
    overwrite : bool
        Replace what is there, unless it is the folder of something else.
    pixel_size : float or (float, float), optional
        Height and width of a pixel, micrometres.

    Raises
    ------
    OutputError
        See `nucleisplit.labels.ome_zarr_pyramid.label_pyramid`.
    ValueError
        The array is not a label image, or the pixel size is not positive.
    """
    stream, _ = as_stream(labels)
    dtype = smallest_type(stream.largest)
    with label_pyramid(path, stream.shape, dtype, pixel_size, overwrite) as add:
        for band in stream.bands():
            add(band.astype(dtype))
