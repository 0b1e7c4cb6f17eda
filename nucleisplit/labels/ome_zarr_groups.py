"""Groups and arrays of OME-Zarr as they are written: version 0.5 on Zarr 3, or 0.4 on Zarr 2."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit.errors import InputWarning

__all__ = ["CHUNK", "NEW", "OLD", "create_array", "describe", "newest", "open_group"]

OLD, NEW = "0.4", "0.5"
CHUNK = 1024
"""Side of the chunks."""
_LEVEL = 5
"""Of zlib and Zstandard, which give the same bytes each time (Blosc with several threads does not,
nor does gzip, which holds the time)."""


@cache
def newest() -> str:
    """Return the newest version that can be written here: zarr 2, the last that runs on Python
    3.10, knows only the old one, and that is told."""
    if _has_zarr_2():
        warnings.warn(
            f"OME-Zarr {OLD} is written: {NEW} needs zarr 3, which needs Python 3.11",
            InputWarning,
            stacklevel=2,
        )
        return OLD
    return NEW


def open_group(path: Path, version: str):
    """Make a group at a path."""
    import zarr

    formats: dict[str, Any] = {} if _has_zarr_2() else {"zarr_format": 2 if version == OLD else 3}
    return zarr.open_group(str(path), mode="w", **formats)


def describe(group, version: str, **content: Any) -> None:
    """Set the OME attributes of a group."""
    group.attrs.update(content if version == OLD else {"ome": {"version": version, **content}})


def create_array(
    group, name: str, shape: Sequence[int], dtype: np.dtype | type, axes: Sequence[str]
):
    """Make an array in a group of `open_group`; chunks of zeros alone are not stored."""
    common = {
        "shape": tuple(shape),
        "dtype": np.dtype(dtype),
        "chunks": (*(1 for _ in shape[:-2]), *(min(CHUNK, length) for length in shape[-2:])),
        "fill_value": 0,
    }
    if _has_zarr_2():
        from numcodecs import Zlib

        return group.create_dataset(
            name,
            compressor=Zlib(_LEVEL),
            dimension_separator="/",
            write_empty_chunks=False,
            **common,
        )
    if group.metadata.zarr_format == 2:
        from numcodecs import Zlib

        keys = {"name": "v2", "separator": "/"}
        return group.create_array(name, compressors=Zlib(_LEVEL), chunk_key_encoding=keys, **common)
    from zarr.codecs import ZstdCodec

    packed = ZstdCodec(level=_LEVEL)
    return group.create_array(name, compressors=packed, dimension_names=tuple(axes), **common)


def _has_zarr_2() -> bool:
    import zarr

    return zarr.__version__[0] == "2"
