"""The table of a run, put together from what its images left, whose columns may differ."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from nucleisplit.files import replacing
from nucleisplit.images import PlaneChoice
from nucleisplit.measure import Measures, in_order, type_of
from nucleisplit.stacks import VOLUME_COLUMNS, VOLUME_TYPES

__all__ = ["columns_of", "types_of", "write_run_table"]

_FIRST = ("image", "slice")
_PLATE = ("well", "field")
"""Columns of runs with fields of plates; each image has one value, in its entry."""


def columns_of(planes: PlaneChoice, measures: Measures, entries: Iterable[dict] = ()) -> list[str]:
    """Columns of the table of a run: those that any of its images has.

    Parameters
    ----------
    planes, measures
        Of the run; they decide where there is no image.
    entries
        Of the journal.

    Examples
    --------
    >>> one, other = {"columns": ["image", "label"]}, {"columns": ["image", "label", "area_um2"]}
    >>> columns_of(PlaneChoice(), Measures(), [one, other])
    ['image', 'label', 'area_um2']
    """
    first = _FIRST if planes.z == "each" else _FIRST[:1]
    found, plates = set(), False
    for entry in entries:
        found.update(entry.get("columns", ()))
        plates |= "well" in entry
    if planes.z == "3d":
        columns = list(VOLUME_COLUMNS)
    else:
        columns = in_order(found.difference(first) or measures.columns())
    return [first[0], *(_PLATE if plates else ()), *first[1:], *columns]


def types_of(columns: Iterable[str], planes: PlaneChoice) -> dict[str, str]:
    """Types of columns, by name, as numpy and pyarrow call them."""
    known = dict.fromkeys(("image", "well", "field", "class"), "string") | {"slice": "int64"}
    if planes.z == "3d":
        return known | {name: np.dtype(kind).name for name, kind in VOLUME_TYPES.items()}
    return {name: known.get(name) or np.dtype(type_of(name)).name for name in columns}


def write_run_table(
    path: Path, columns: Sequence[str], entries: Iterable[dict], folder: Path
) -> None:
    """Write the rows of all images; cells of columns that an image does not have are empty.

    Parameters
    ----------
    path
        Of the CSV; replaced where it exists.
    columns
        Those of the table.
    entries
        Of the journal, in the order of the table.
    folder
        Where the rows of large images are.

    Raises
    ------
    OutputError
        See `replacing`.
    """
    with (
        replacing(path, overwrite=True) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        file.write(",".join(columns) + "\n")
        for entry in entries:
            with _rows_of(entry, folder) as rows:
                if entry.get("columns") == list(columns):
                    shutil.copyfileobj(rows, file)
                else:
                    _fill(rows, entry, columns, file)


def _rows_of(entry: dict, folder: Path) -> TextIO:
    """Return the lines of an image, without a header; none of one that failed."""
    if "rows_file" not in entry:
        return io.StringIO(entry.get("rows", ""), newline="")
    rows = (folder / Path(entry["rows_file"]).name).open(encoding="utf-8", newline="")
    rows.readline()
    return rows


def _fill(rows: TextIO, entry: dict, columns: Sequence[str], file: TextIO) -> None:
    """Write lines with columns of their own as those of the table."""
    own = entry.get("columns", [])
    ends = [str(entry.get(name, "")) for name in _PLATE]
    every = [*own, *_PLATE]
    places = [every.index(name) if name in every else -1 for name in columns]
    lines = csv.writer(file, lineterminator="\n")
    lines.writerows([[*row, *ends, ""][place] for place in places] for row in csv.reader(rows))
