"""Write results: label images, tables and JSON, each whole or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .atomic import replacing
from .names import guarded_cell

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BAND",
    "check_labels",
    "ome_lengths",
    "smallest_type",
    "write_json",
    "write_label_bands",
    "write_labels",
    "write_table",
]


def smallest_type(largest: int) -> np.dtype:
    """Return the smallest of uint8, uint16 and uint32 that holds a label.

    >>> smallest_type(255), smallest_type(256), smallest_type(65536)
    (dtype('uint8'), dtype('uint16'), dtype('uint32'))
    """
    return next(np.dtype(t) for t in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(t).max)


def check_labels(labels: np.ndarray) -> np.ndarray:
    """Return a label image as an array; `ValueError` unless it is 2-D integers, none negative."""
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be 2-D integers, got {labels.ndim}-D {labels.dtype}")
    if labels.size and labels.min() < 0:
        raise ValueError(f"labels must not be negative, got {labels.min()}")
    return labels


def write_labels(path: str | Path, labels: np.ndarray, overwrite: bool = False) -> None:
    """Write a label image as a compressed TIFF of the smallest unsigned type that fits.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray
        0 = background; not negative.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    ValueError
        The array is not a label image.
    """
    import tifffile

    labels = check_labels(labels)
    packed = labels.astype(smallest_type(int(labels.max(initial=0))))
    with replacing(path, overwrite) as part:
        tifffile.imwrite(
            part,
            packed,
            compression="zlib",
            photometric="minisblack",
            software="nucleisplit",
            metadata=None,
        )


def ome_lengths(axes: str, lengths: Sequence[float]) -> tuple[dict, dict]:
    """Say in OME-XML and in the tags of a TIFF how large its pixels are.

    Parameters
    ----------
    axes : str
        ``YX`` or ``ZYX``.
    lengths : sequence of float
        Of a pixel along these axes, um.

    Returns
    -------
    metadata, options : dict
        For `tifffile.imwrite`: entries of its ``metadata``, and keyword arguments.

    Examples
    --------
    >>> ome_lengths("YX", (0.5, 0.25))[1]
    {'resolution': (40000.0, 20000.0), 'resolutionunit': 'CENTIMETER'}
    """
    metadata = {"axes": axes}
    for axis, length in zip(axes, lengths, strict=True):
        metadata |= {f"PhysicalSize{axis}": float(length), f"PhysicalSize{axis}Unit": "µm"}
    down, across = lengths[-2:]
    return metadata, {"resolution": (1e4 / across, 1e4 / down), "resolutionunit": "CENTIMETER"}


BAND = 512
"""Height of the pieces that `write_label_bands` takes, and side of the tiles it writes."""


def write_label_bands(
    path: str | Path, shape: tuple[int, int], bands: Iterable[np.ndarray], overwrite: bool = False
) -> None:
    """Write a label image that is never whole in memory as a tiled, compressed TIFF of uint32.

    Parameters
    ----------
    path : str or Path
    shape : tuple of int
        Height and width.
    bands : iterable of (`BAND`, W) uint32 ndarray
        From top to bottom; the last may be lower.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    """
    import tifffile

    def tiles() -> Iterator[np.ndarray]:
        for band in bands:
            beyond = [(0, -length % BAND) for length in band.shape]
            padded = np.pad(band, beyond)
            for left in range(0, padded.shape[1], BAND):
                yield np.ascontiguousarray(padded[:, left : left + BAND])

    with replacing(path, overwrite) as part:
        tifffile.imwrite(
            part,
            tiles(),
            shape=shape,
            dtype=np.uint32,
            tile=(BAND, BAND),
            bigtiff=shape[0] * shape[1] >= 2**29,
            buffersize=2**24,  # that many bytes of tiles are compressed at a time
            compression="zlib",
            photometric="minisblack",
            software="nucleisplit",
            metadata=None,
        )


def write_table(path: str | Path, table: pd.DataFrame, overwrite: bool = False) -> None:
    """Write a table as CSV (UTF-8, commas, numbers with six significant digits, no index).

    Texts that a spreadsheet would compute are guarded, see `nucleisplit.io.names.guarded_cell`.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    """
    texts = {
        name: table[name].map(lambda cell: guarded_cell(cell) if isinstance(cell, str) else cell)
        for name in table.select_dtypes(exclude=["number", "bool"])
    }
    table = table.assign(**texts)
    with replacing(path, overwrite) as part:
        table.to_csv(part, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")


def write_json(path: str | Path, content: Any, overwrite: bool = False) -> None:
    """Write JSON: numpy values as plain ones, paths as text, NaN and infinity as null.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    TypeError
        The content holds something else, such as a set.
    """
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path, overwrite) as part:
        # half a surrogate, as in names of files that are not UTF-8, becomes an escape of JSON
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
