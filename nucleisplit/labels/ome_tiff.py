"""Label images as OME-TIFF with the size of a pixel, for Fiji, QuPath and OMERO."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.endings import stem_of
from nucleisplit.files import replacing

from .label_stream import LabelStream, as_stream
from .tiff import ome_lengths, smallest_type, write_label_bands

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_ome_tiff"]


def write_ome_tiff(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
    *,
    pixel_size: float | tuple[float, float] | None = None,
) -> None:
    """Write a label image with OME metadata; `nucleisplit.labels.read_labels` reads it.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Not used: the format holds no measurements.
    overwrite : bool
        Replace an existing file.
    pixel_size : float or (float, float), optional
        Height and width of a pixel, micrometres; also written where ImageJ looks for it.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        The array is not a label image, or the pixel size is not positive.
    """
    import tifffile

    stream, in_bands = as_stream(labels)
    down, across = np.broadcast_to(1.0 if pixel_size is None else pixel_size, 2).tolist()
    if not (0 < down < float("inf") and 0 < across < float("inf")):
        raise ValueError(f"pixel_size must be positive, got {pixel_size}")
    metadata: dict[str, Any] = {"axes": "YX"}
    options: dict[str, Any] = {}
    if pixel_size is not None:
        metadata, options = ome_lengths("YX", (down, across))
    options |= {"ome": True, "metadata": metadata | {"Name": stem_of(path)}}
    dtype = smallest_type(stream.largest)
    if in_bands:
        return write_label_bands(path, stream.shape, stream.bands(), overwrite, dtype, **options)
    (whole,) = stream.bands()
    with replacing(path, overwrite) as part:
        tifffile.imwrite(
            part,
            whole.astype(dtype),
            compression="zlib",
            photometric="minisblack",
            software="nucleisplit",
            **options,
        )
