"""The table of nuclei as Parquet, AnnData and CSV, told by the ending of the file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.files import read_bytes, replacing, warn_of_open_end
from nucleisplit.labels import CLASS_COLORS
from nucleisplit.measure import type_of
from nucleisplit.names import bare_cell, guarded_cell
from nucleisplit.palette import Color, hex_color

from .anndata import read_h5ad, stream_h5ad, write_h5ad

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "csv_to_h5ad",
    "is_table",
    "need_library",
    "read_nuclei",
    "stream_nuclei",
    "stream_to_parquet",
    "write_nuclei",
    "write_table",
]

_PARQUET, _H5AD = ".parquet", ".h5ad"
_LIBRARIES = {_PARQUET: ("Parquet", "pyarrow", "parquet"), _H5AD: ("AnnData", "anndata", "anndata")}
"""What each ending is called, and needs: a library, and the extra that brings it."""
_ROWS = 20_000
"""Nuclei in a part of a table."""


def is_table(path: str | Path) -> bool:
    """Tell a table of nuclei, other than CSV, by its ending."""
    return _ending(path) in (_PARQUET, _H5AD)


def write_nuclei(path: str | Path, table: pd.DataFrame, overwrite: bool = False) -> None:
    """Write a table of nuclei: Parquet or AnnData where the name ends in ``.parquet`` or ``.h5ad``,
    else CSV.

    Parameters
    ----------
    path : str or Path
    table : DataFrame
        As `Segmentation.table`, or with the column ``image`` as in ``nuclei.csv``. Parquet keeps
        types and every digit, AnnData about seven digits, CSV six.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ConfigError
        The library for that ending is not installed.
    """
    need_library(path)
    if _ending(path) == _H5AD:
        return write_h5ad(path, table, overwrite)
    if _ending(path) != _PARQUET:
        return write_table(path, table, overwrite)
    with replacing(path, overwrite) as part:
        table.to_parquet(part, index=False, engine="pyarrow")


def stream_to_parquet(csv: str | Path, parquet: str | Path, types: dict[str, str]) -> None:
    """Write a table of nuclei as Parquet, a part at a time, however long it is.

    Parameters
    ----------
    csv : str or Path
    parquet : str or Path
        Replaced where it exists.
    types : dict
        Column to type, as pyarrow names it; the types of other columns are told by their first
        rows.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ConfigError
        pyarrow is not installed.
    """
    need_library(parquet)
    import pyarrow
    from pyarrow.csv import ConvertOptions, open_csv
    from pyarrow.parquet import ParquetWriter

    known = {name: pyarrow.type_for_alias(kind) for name, kind in types.items()}
    with (
        open_csv(csv, convert_options=ConvertOptions(column_types=known)) as reader,
        replacing(parquet, overwrite=True) as part,
        ParquetWriter(part, reader.schema) as writer,
    ):
        for batch in reader:
            place = batch.schema.get_field_index("image")
            if place >= 0:
                names = [name and bare_cell(name) for name in batch.column(place).to_pylist()]
                field = batch.schema.field(place)
                batch = batch.set_column(place, field, pyarrow.array(names, field.type))
            writer.write_batch(batch)


def csv_to_h5ad(
    csv: str | Path,
    h5ad: str | Path,
    types: dict[str, str],
    classes: Mapping[str, Color] | None = None,
) -> None:
    """Write a table of nuclei as AnnData, a part at a time; parameters as `stream_to_parquet`.

    `classes` are all that nuclei could have, in order, with their colours: categories of the column
    ``class``.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ConfigError
        anndata is not installed.
    """
    need_library(h5ad)
    stream_h5ad(h5ad, lambda: stream_nuclei(csv, types, classes), overwrite=True)


def stream_nuclei(
    csv: str | Path, types: dict[str, str], classes: Mapping[str, Color] | None = None
) -> Iterator[pd.DataFrame]:
    """Yield a table of nuclei a part at a time; there is one part at least.

    Parameters
    ----------
    csv : str or Path
        As a run writes it.
    types : dict
        Column to type.
    classes : mapping, optional
        All that nuclei could have, in order, with their colours: categories of the column
        ``class``, and `CLASS_COLORS` of its ``attrs``.
    """
    import pandas as pd

    options: dict[str, Any] = {"keep_default_na": False, "na_values": [""], "chunksize": _ROWS}
    with pd.read_csv(csv, dtype=types, encoding="utf-8", **options) as parts:
        for part in map(_bare, parts):
            if classes and "class" in part:
                part["class"] = pd.Categorical(part["class"], list(classes))
                part.attrs[CLASS_COLORS] = {n: hex_color(c) for n, c in classes.items()}
            yield part


def _bare(table: pd.DataFrame) -> pd.DataFrame:
    """Take from the texts of a CSV what guarded them."""
    texts = table.select_dtypes(exclude=["number", "bool"])
    return table.assign(
        **{
            name: texts[name].map(lambda cell: bare_cell(cell) if isinstance(cell, str) else cell)
            for name in texts
        }
    )


def read_nuclei(path: str | Path) -> pd.DataFrame:
    """Read a table of nuclei: Parquet, AnnData, else CSV, told by the ending.

    Raises
    ------
    InputError
        The file cannot be read, or has no column ``label``.
    ConfigError
        The library for that ending is not installed.

    Warns
    -----
    InputWarning
        The last line of a CSV does not end.
    """
    import pandas as pd

    path = Path(path)
    need_library(path)
    if _ending(path) == _H5AD:
        return _checked(path, read_h5ad(path))
    data = read_bytes(path)
    try:
        if _ending(path) == _PARQUET:
            table = pd.read_parquet(io.BytesIO(data), engine="pyarrow")
        elif b"\0" in data:
            raise ValueError("it holds the byte 0")
        else:
            texts = {"image": str, "class": str}
            table = _bare(pd.read_csv(io.BytesIO(data), dtype=texts, encoding="utf-8-sig"))
            if not len(table):
                table = table.astype({name: type_of(name) for name in table if name not in texts})
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no table ({error})", "export it again") from None
    if _ending(path) != _PARQUET:
        warn_of_open_end(path, data)
    return _checked(path, table)


def _checked(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    if "label" not in table:
        raise InputError(f"{path}: is no table of nuclei, it has no column label", "use nuclei.csv")
    return table


def _ending(path: str | Path) -> str:
    return Path(path).suffix.lower()


def need_library(path: str | Path) -> None:
    """Raise `ConfigError` where the library that a table needs is not installed."""
    title, library, extra = _LIBRARIES.get(_ending(path), ("", "csv", ""))
    if missing_libraries(library):
        raise ConfigError(f"{title} needs {library}", f"{install_command(extra)}, or use CSV")


def write_table(path: str | Path, table: pd.DataFrame, overwrite: bool = False) -> None:
    """Write a table as CSV (UTF-8, commas, numbers with six significant digits, no index).

    Texts that a spreadsheet would compute are guarded, see `nucleisplit.names.guarded_cell`.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    """
    texts = {
        name: table[name].map(lambda cell: guarded_cell(cell) if isinstance(cell, str) else cell)
        for name in table.select_dtypes(exclude=["number", "bool"])
    }
    table = table.assign(**texts)
    with replacing(path, overwrite) as part:
        table.to_csv(part, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8")
