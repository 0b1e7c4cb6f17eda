"""Label images as images: read from any kind of file, written as TIFF, whole or in bands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.files import replacing
from nucleisplit.images import PlaneChoice, open_image

from .label_check import as_labels

__all__ = [
    "BAND",
    "check_labels",
    "ome_lengths",
    "read_labels",
    "smallest_type",
    "write_label_bands",
    "write_labels",
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
        See `nucleisplit.files.replacing`.
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
    metadata: dict[str, Any] = {"axes": axes}
    for axis, length in zip(axes, lengths, strict=True):
        metadata |= {f"PhysicalSize{axis}": float(length), f"PhysicalSize{axis}Unit": "µm"}
    down, across = lengths[-2:]
    return metadata, {"resolution": (1e4 / across, 1e4 / down), "resolutionunit": "CENTIMETER"}


BAND = 512
"""Height of the pieces that `write_label_bands` takes, and side of the tiles it writes."""


def write_label_bands(
    path: str | Path,
    shape: tuple[int, int],
    bands: Iterable[np.ndarray],
    overwrite: bool = False,
    dtype: np.dtype | type = np.uint32,
    **options: Any,
) -> None:
    """Write a label image that is never whole in memory as a tiled, compressed TIFF.

    Parameters
    ----------
    path : str or Path
    shape : tuple of int
        Height and width.
    bands : iterable of (`BAND`, W) unsigned integer ndarray
        From top to bottom; the last may be lower.
    overwrite : bool
        Replace an existing file.
    dtype : unsigned integer type
        Of the file.
    **options
        More of `tifffile.imwrite`, such as its ``metadata``.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    """
    import tifffile

    def tiles() -> Iterator[np.ndarray]:
        for band in bands:
            beyond = [(0, -length % BAND) for length in band.shape]
            padded = np.pad(band.astype(dtype, copy=False), beyond)
            for left in range(0, padded.shape[1], BAND):
                yield np.ascontiguousarray(padded[:, left : left + BAND])

    with replacing(path, overwrite) as part:
        tifffile.imwrite(
            part,
            tiles(),
            shape=shape,
            dtype=dtype,
            tile=(BAND, BAND),
            bigtiff=shape[0] * shape[1] >= 2**29,
            buffersize=2**24,  # that many bytes of tiles are compressed at a time
            compression="zlib",
            photometric="minisblack",
            software="nucleisplit",
            **{"metadata": None, **options},
        )


def read_labels(path: str | Path, choice: PlaneChoice | None = None) -> np.ndarray:
    """Read one label image as it is: no clean-up, no renumbering.

    Parameters
    ----------
    path : str or Path
        PNG (8/16-bit, or palette: its indices), TIFF or OME-Zarr (any integer type, or float
        holding whole numbers). An alpha channel is dropped.
    choice : PlaneChoice, optional
        Which plane; of a file of rows and columns alone there is none to choose.

    Returns
    -------
    ndarray of int32, shape (H, W)
        0 is background, every other value one instance.

    Raises
    ------
    InputError
        As `read_image`, or the file is a colour image, or holds fractions, negative values or
        values above 2**31 - 1.
    """
    path = Path(path)
    with open_image(path, choice, palette=False) as source:
        is_plain = sum(length > 1 for length in source.shape) <= 2
        labels = source.plane(None if is_plain else choice).read()
    if labels.ndim != 2:
        raise InputError(
            f"{path}: is a colour image of {labels.shape[2]} channels, not a label image",
            "save one number per nucleus in a single-channel 16-bit PNG or TIFF",
        )
    return as_labels(path, labels)
