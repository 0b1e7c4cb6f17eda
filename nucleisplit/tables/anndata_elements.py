"""The elements that an AnnData file is made of, as its documentation specifies them.

https://anndata.readthedocs.io, "On-disk format": every array and group says by two attributes how
it is encoded. Texts are written as ``string-array``, which all readers since anndata 0.8 know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import h5py

__all__ = [
    "add_frame",
    "add_mapping",
    "append",
    "check_heaps",
    "encode",
    "read_element",
    "write_array",
]

_ROWS = 8192
"""Rows that are compressed together."""
_SMALL, _PACKED = 2**24, 1032
"""Bytes that an array may claim whatever the size of the file, and per byte of it."""


def encode(element: Any, kind: str, version: str = "0.2.0", **attributes: Any) -> Any:
    """Say how an array or a group is encoded; return it."""
    element.attrs.update({"encoding-type": kind, "encoding-version": version, **attributes})
    return element


def add_mapping(parent: h5py.Group, name: str) -> h5py.Group:
    """Make a group of elements with names."""
    return encode(parent.create_group(name), "dict", "0.1.0")


def add_frame(parent: h5py.Group, name: str, index: str, columns: Sequence[str]) -> h5py.Group:
    """Make a table, whose columns and index are written later."""
    import h5py

    order = np.array(list(columns), h5py.string_dtype())
    group = encode(parent.create_group(name), "dataframe", _index=index)
    group.attrs.create("column-order", order, dtype=h5py.string_dtype())
    return group


def write_array(parent: h5py.Group, name: str, values: Sequence[Any] | np.ndarray) -> None:
    """Write numbers or texts."""
    append(parent, name, np.asarray(values))


def append(parent: h5py.Group, name: str, values: np.ndarray) -> None:
    """Add rows of numbers or texts to an array, which is made by the first."""
    import h5py

    is_text = values.dtype.kind in "OUT"
    if name not in parent:
        array = parent.create_dataset(
            name,
            (0, *values.shape[1:]),
            dtype=h5py.string_dtype() if is_text else values.dtype,
            maxshape=(None,) * values.ndim,
            chunks=(_ROWS, *(max(1, length) for length in values.shape[1:])),
            compression="gzip",
            compression_opts=1,
        )
        encode(array, "string-array" if is_text else "array")
    array = parent[name]
    first = array.shape[0]
    array.resize(first + len(values), axis=0)
    if values.size:
        array[first:] = values.astype(object) if is_text else values


def read_element(element: Any) -> np.ndarray:
    """Read an array, whatever its encoding; where values are missing, None or NaN.

    Raises
    ------
    ValueError
        The encoding is none of arrays, or an array claims more than the file can hold.
    """
    kind = element.attrs.get("encoding-type", "")
    if kind == "array":
        return _stored(element)
    if kind == "string-array":
        _check_claim(element, element.shape, element.dtype)
        return element.asstr()[()]
    if kind == "categorical":
        return np.append(read_element(element["categories"]).astype(object), None)[
            _stored(element["codes"])
        ]
    if kind in ("nullable-integer", "nullable-boolean", "nullable-string-array"):
        values, missing = read_element(element["values"]), _stored(element["mask"]).astype(bool)
        if not missing.any():
            return values
        texts = values.dtype.kind == "O"
        return np.where(missing, None if texts else np.nan, values)
    if kind in ("csr_matrix", "csc_matrix"):
        from scipy import sparse

        parts = tuple(_stored(element[part]) for part in ("data", "indices", "indptr"))
        shape = tuple(element.attrs["shape"].tolist())
        _check_claim(element, shape, parts[0].dtype)
        return getattr(sparse, kind)(parts, shape=shape).toarray()
    raise ValueError(f"{element.name} is of the kind {kind!r}")


def check_heaps(data: bytes) -> None:
    """Look at the heaps of texts of an HDF5 file: the library does not come back from a piece of
    no length.

    Raises
    ------
    ValueError
        There is one, or a heap ends beyond the end of the file.
    """
    for heap in re.finditer(rb"GCOL\x01\x00{3}", data):
        place, end = heap.start(), heap.start() + _length(data, heap.start() + 8)
        if end > len(data):
            raise ValueError("a heap ends beyond the end of the file")
        place += 16
        while place + 16 <= end:
            length, is_free = _length(data, place + 8), data[place : place + 2] == b"\0\0"
            if is_free and length < 16:
                raise ValueError("a heap has a piece of no length")
            place += length if is_free else 16 + -(-length // 8) * 8


def _length(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 8], "little")


def _stored(array: Any) -> np.ndarray:
    _check_claim(array, array.shape, array.dtype)
    return array[()]


def _check_claim(element: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    claimed = math.prod(shape) * dtype.itemsize
    if claimed > _SMALL + _PACKED * element.file.id.get_filesize():
        raise ValueError(f"{element.name} claims to have {claimed} bytes")
