"""The table of nuclei as AnnData, for scanpy, squidpy and their relatives in R."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.extras import install_command
from nucleisplit.files import read_bytes, replacing
from nucleisplit.names import brief

from .anndata_elements import (
    add_frame,
    add_mapping,
    append,
    check_heaps,
    encode,
    read_element,
    write_array,
)

if TYPE_CHECKING:
    import h5py
    import pandas as pd

__all__ = ["need_h5py", "read_h5ad", "write_h5ad"]

_INDEX = "_index"
"""Name of the column that names the rows, as anndata calls it."""
_ABOUT = ("image", "slice", "label", "predicted_iou", "threshold", "touches_edge")
_PLACE = ("centroid-", "bbox-")
"""Beginnings of columns that say where a nucleus is: with `_ABOUT` no measurements."""


def write_h5ad(path: str | Path, tables: Iterable[pd.DataFrame], overwrite: bool = False) -> None:
    """Write one observation per nucleus; measurements are variables.

    ``X`` holds the measurements (float32), ``obs`` what a nucleus is and where, texts as
    categories, ``obsm["spatial"]`` its centre as x, y (and z), in um where that is known of all
    nuclei, else in pixels; ``uns["nucleisplit"]`` says which, and the order of the columns.

    Parameters
    ----------
    path : str or Path
    tables : iterable of DataFrame
        The table, a part at a time; all parts have the same columns, one of them ``label``.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ConfigError
        h5py is not installed.
    """
    need_h5py()
    import h5py

    with replacing(path, overwrite) as part, h5py.File(part, "w") as file:
        encode(file, "anndata", "0.1.0")
        writer = None
        for table in tables:
            writer = writer or _Writer(file, table)
            writer.add(table)
        if writer is None:
            raise ValueError("there are no tables")
        writer.finish()


class _Writer:
    """Appends tables to the arrays of a file."""

    def __init__(self, file: h5py.File, first: pd.DataFrame) -> None:
        self.file, self.columns = file, list(first)
        self.numbers = [name for name in first if first[name].dtype.kind in "iufb"]
        self.measured = [n for n in self.numbers if n not in _ABOUT and not n.startswith(_PLACE)]
        self.types = [first[name].dtype.name for name in self.measured]
        self.others = [name for name in first if name not in self.measured]
        self.texts: dict[str, dict[str, int]] = {
            n: {} for n in self.others if n not in self.numbers
        }
        self.obs = add_frame(file, "obs", _INDEX, self.others)
        for name in self.texts:
            encode(self.obs.create_group(name), "categorical", ordered=False)

    def add(self, table: pd.DataFrame) -> None:
        for name in self.others:
            values = table[name].to_numpy()
            if name not in self.texts:
                append(self.obs, name, values)
                continue
            known = self.texts[name]
            codes = [
                -1 if text is None or text != text else known.setdefault(text, len(known))
                for text in values.tolist()
            ]
            append(self.obs[name], "codes", np.array(codes, np.int32))
        numbers = table["label"].astype(str)
        names = table["image"].astype(str) + ":" + numbers if "image" in table else numbers
        append(self.obs, _INDEX, names.to_numpy(object))
        append(self.file, "X", table[self.measured].to_numpy(np.float32))

    def finish(self) -> None:
        """Write what is known only at the end."""
        for name, known in self.texts.items():
            write_array(self.obs[name], "categories", np.array(list(known), object))
        var = add_frame(self.file, "var", _INDEX, ["type"])
        write_array(var, _INDEX, np.array(self.measured, object))
        write_array(var, "type", np.array(self.types, object))
        about = add_mapping(add_mapping(self.file, "uns"), "nucleisplit")
        write_array(about, "columns", np.array(self.columns, object))
        obsm = add_mapping(self.file, "obsm")
        for ending, unit in (("_um", "um"), ("", "px")):
            names = [f"centroid-{axis}{ending}" for axis in (2, 1, 0)]
            places = [self.obs[name][()] for name in names if name in self.numbers]
            if len(places) >= 2 and np.isfinite(places).all():
                write_array(obsm, "spatial", np.stack(places, axis=1))
                encode(about.create_dataset("spatial_unit", data=unit), "string")
                break
        for name in ("layers", "varm", "obsp", "varp"):
            add_mapping(self.file, name)


def read_h5ad(path: str | Path) -> pd.DataFrame:
    """Read a table of nuclei from AnnData: its observations, and the variables as columns.

    Columns come back in the order of the table that was written, then those that other programs
    have added to ``obs``; numbers of ``X`` have about seven digits.

    Raises
    ------
    InputError
        The file cannot be read.
    ConfigError
        h5py is not installed.
    """
    need_h5py()
    import h5py
    import pandas as pd

    path = Path(path)
    try:
        data = read_bytes(path)
        check_heaps(data)
        with h5py.File(io.BytesIO(data), "r") as file:
            obs, var = file["obs"], file["var"]
            columns = {name: read_element(obs[name]) for name in obs.attrs["column-order"]}
            values = read_element(file["X"]) if "X" in file else np.zeros((0, 0))
            types = read_element(var["type"]) if "type" in var else []
            names = read_element(var[var.attrs["_index"]]).tolist()
            order = file.get("uns/nucleisplit/columns")
            order = [] if order is None else read_element(order).tolist()
        for place, name in enumerate(names):
            kind = str(types[place]) if len(types) else "float64"
            column = values[:, place].astype(np.float64)
            columns[name] = np.rint(column).astype(kind) if kind in ("int64", "bool") else column
        known = [name for name in order if name in columns]
        return pd.DataFrame({name: columns[name] for name in dict.fromkeys([*known, *columns])})
    except InputError:
        raise
    except Exception as error:  # damaged files raise many types
        problem = f"is damaged, or is no AnnData ({brief(error) or type(error).__name__})"
        raise InputError(f"{path}: {problem}", "export it again") from None


def need_h5py() -> None:
    """Raise `ConfigError` where h5py is not installed."""
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise ConfigError(
            "AnnData needs h5py", f"{install_command('anndata')}, or use CSV"
        ) from None
