"""The table of nuclei as AnnData, for scanpy, squidpy and their relatives in R."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.files import read_bytes, replacing
from nucleisplit.labels import CLASS_COLORS
from nucleisplit.names import brief
from nucleisplit.palette import class_colors, hex_color

if TYPE_CHECKING:
    import h5py
    import pandas as pd

__all__ = ["read_h5ad", "stream_h5ad", "write_h5ad"]

_ABOUT = ("image", "slice", "label", "predicted_iou", "threshold", "touches_edge")
_PLACE = ("centroid-", "bbox-")
"""Beginnings of columns that say where a nucleus is: with `_ABOUT` no measurements."""
_PACKING = {"compression": "gzip", "compression_opts": 1}
_SMALL, _PACKED = 2**24, 1032
"""Bytes that an array may claim whatever the size of the file, and per byte of it."""


def write_h5ad(path: str | Path, table: pd.DataFrame, overwrite: bool = False) -> None:
    """Write one observation per nucleus; measurements are variables.

    ``X`` holds the measurements (float32), ``obs`` what a nucleus is and where, texts as
    categories, ``obsm["spatial"]`` its centre as x, y (and z), in um where that is known of all
    nuclei, else in pixels; ``uns["nucleisplit"]`` says which, and the order of the columns.

    Parameters
    ----------
    path : str or Path
    table : DataFrame
        One of its columns is ``label``.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    """
    stream_h5ad(path, lambda: [table], overwrite)


def stream_h5ad(
    path: str | Path, parts: Callable[[], Iterable[pd.DataFrame]], overwrite: bool = False
) -> None:
    """Write a table as `write_h5ad` does, a part at a time.

    Parameters
    ----------
    path : str or Path
    parts : callable
        Gives the parts of the table, one at least, which have the same columns and types; called
        twice.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    """
    import h5py
    import pandas as pd
    from anndata.io import write_elem

    kinds, places = _survey(parts())
    about: dict[str, Any] = {}
    own = next(iter(parts())).attrs.get(CLASS_COLORS)
    colours = [hex_color(colour) for colour in class_colors(kinds.get("class", ()), own).values()]
    for ending, unit in (("_um", "um"), ("", "px")):
        centre = [f"centroid-{axis}{ending}" for axis in (2, 1, 0)]
        centre = [name for name in centre if places.get(name)]
        if len(centre) >= 2:
            about["spatial_unit"] = unit
            break
    with replacing(path, overwrite) as part_path, h5py.File(part_path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        for number, table in enumerate(parts()):
            measured = [n for n in places if n not in _ABOUT and not n.startswith(_PLACE)]
            obs = table.drop(columns=measured)
            for name, known in kinds.items():
                obs[name] = pd.Categorical(obs[name].astype(object), known)
            rows = table["label"].astype(str)
            rows = table["image"].astype(str) + ":" + rows if "image" in table else rows
            obs.index = pd.Index(rows.to_numpy(object), dtype=object)
            values = table[measured].to_numpy(np.float32, na_value=np.nan)
            spatial = {"spatial": table[centre].to_numpy(float)} if len(centre) >= 2 else {}
            elements = {"X": values, "obs": obs, "obsm": spatial}
            if number:
                with h5py.File(io.BytesIO(), "w") as fresh:
                    for name, element in elements.items():
                        write_elem(fresh, name, element)
                    _append(file, fresh)
                continue
            widths: dict[str, tuple] = {"X": (len(measured),), "obs": (), "obsm": (len(centre),)}
            for name, element in elements.items():
                growing = {"maxshape": (None, *widths[name])}
                write_elem(file, name, element, dataset_kwargs=_PACKING | growing)
            types = [table[name].dtype.name for name in measured]
            about["columns"] = np.array(list(table), object)
            var = pd.DataFrame({"type": types}, pd.Index(measured, dtype=object)).astype(object)
            uns: dict[str, Any] = {"nucleisplit": about}
            if colours:
                uns["class_colors"] = np.array(colours, object)
            for name, element in (("var", var), ("uns", uns)):
                write_elem(file, name, element, dataset_kwargs=_PACKING)


def _survey(parts: Iterable[pd.DataFrame]) -> tuple[dict[str, Any], dict[str, bool]]:
    """Return what each column of texts holds, and of each column of numbers whether it is full."""
    import pandas as pd

    kinds: dict[str, dict] = {}
    full: dict[str, bool] = {}
    for table in parts:
        for name in table:
            column = table[name]
            if column.dtype.kind in "iufb":
                known = np.isfinite(column.to_numpy(float, na_value=np.nan)).all()
                full[name] = full.get(name, True) and bool(known)
            else:
                known = column.cat.categories if column.dtype.name == "category" else None
                texts = column.astype(object).dropna().unique() if known is None else known
                kinds.setdefault(name, {}).update(dict.fromkeys(texts))
    # of the index, objects are all that older anndata writes
    return {name: pd.Index(list(texts), dtype=object) for name, texts in kinds.items()}, full


def _append(file: h5py.File, fresh: h5py.File) -> None:
    """Add the rows of all arrays of a file to those of another; categories are the same in both."""

    def add(name: str, found: Any) -> None:
        if hasattr(found, "shape") and not name.endswith("/categories"):
            target = file[name]
            target.resize(len(target) + len(found), axis=0)
            target[len(target) - len(found) :] = found[()]

    fresh.visititems(add)


def read_h5ad(path: str | Path) -> pd.DataFrame:
    """Read a table of nuclei from AnnData: its observations, and the variables as columns.

    Columns come back in the order of the table that was written, then those that other programs
    have added to ``obs``; numbers of ``X`` have about seven digits.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    import h5py
    import pandas as pd
    from anndata.io import read_elem

    path = Path(path)
    try:
        data = read_bytes(path)
        _check_heaps(data)
        with h5py.File(io.BytesIO(data), "r") as file:
            file.visititems(_check_claim)
            obs, var = read_elem(file["obs"]), read_elem(file["var"])
            values = read_elem(file["X"]) if "X" in file else np.zeros((len(obs), 0))
            order = file.get("uns/nucleisplit/columns")
            order = [] if order is None else read_elem(order).tolist()
        values = values.toarray() if hasattr(values, "toarray") else values
        # pandas 2 refuses to put NaN in place of what integers do not lack.
        columns = {
            name: column.to_numpy(na_value=np.nan) if column.hasnans else column.to_numpy()
            for name, column in obs.items()
        }
        types = var["type"] if "type" in var else ["float64"] * len(var)
        for place, (name, kind) in enumerate(zip(var.index, types, strict=True)):
            column = values[:, place].astype(np.float64)
            columns[name] = np.rint(column).astype(kind) if kind in ("int64", "bool") else column
        known = [name for name in order if name in columns]
        return pd.DataFrame({name: columns[name] for name in dict.fromkeys([*known, *columns])})
    except InputError:
        raise
    except Exception as error:  # damaged files raise many types
        problem = f"is damaged, or is no AnnData ({brief(error) or type(error).__name__})"
        raise InputError(f"{path}: {problem}", "export it again") from None


def _check_claim(name: str, element: Any) -> None:
    """Refuse an array, or a sparse matrix, that claims more than its file can hold."""
    shape = element.attrs.get("shape", getattr(element, "shape", ()))
    claimed = math.prod(int(length) for length in shape) * 8
    if claimed > _SMALL + _PACKED * element.file.id.get_filesize():
        raise ValueError(f"/{name} claims to have {claimed} bytes")


def _check_heaps(data: bytes) -> None:
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
