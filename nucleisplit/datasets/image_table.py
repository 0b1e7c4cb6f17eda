"""Read the CSV that accompanies a dataset: one row per image."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from nucleisplit.errors import DatasetError, InputError
from nucleisplit.files import read_bytes

__all__ = ["ImageTable", "read_image_table"]

ID_COLUMNS = ("image_id", "stem")


@dataclass(frozen=True)
class ImageTable:
    """A CSV with one row per image.

    Attributes
    ----------
    path : Path
    columns : tuple of str
    rows : dict
        image id -> {column: text}.
    """

    path: Path
    columns: tuple[str, ...]
    rows: dict[str, dict[str, str]]

    def column(self, name: str) -> dict[str, str]:
        """Return image id -> text of one column; `DatasetError` if there is no such column."""
        if name not in self.columns:
            raise DatasetError(
                f"{self.path}: has no column {name!r}", f"it has {', '.join(self.columns)}"
            )
        return {image_id: row[name] for image_id, row in self.rows.items()}


def read_image_table(path: str | Path) -> ImageTable:
    """Read a CSV with a column ``image_id`` (or ``stem``) and one row per image.

    Parameters
    ----------
    path : str or Path
        UTF-8; separated by commas, or by semicolons or tabs when the header holds no comma.

    Returns
    -------
    ImageTable
        Texts are stripped of surrounding blanks.

    Raises
    ------
    InputError
        The file is missing, empty or not text.
    DatasetError
        No column ``image_id``, an empty id, a repeated id, or a row of the wrong length.
    """
    path = Path(path)
    columns, lines = read_lines(path)
    id_column = next((name for name in ID_COLUMNS if name in columns), None)
    if id_column is None:
        raise DatasetError(
            f"{path}: has no column {ID_COLUMNS[0]!r}", f"it has {', '.join(columns) or 'none'}"
        )
    rows: dict[str, dict[str, str]] = {}
    for number, row in lines:
        image_id = row[id_column]
        if not image_id:
            raise DatasetError(f"{path}: line {number} has no {id_column}", "fill it in")
        if image_id in rows:
            raise DatasetError(f"{path}: line {number} repeats {image_id!r}", "keep one row of it")
        rows[image_id] = row
    return ImageTable(path, columns, rows)


def read_lines(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    """Read a CSV: its columns, and the number and cells of every line that is not empty.

    Raises
    ------
    InputError
        The file is missing, empty or not text.
    DatasetError
        A row of the wrong length.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not UTF-8 text", "save it as CSV (UTF-8)") from None
    lines = text.splitlines()
    separator = next((s for s in ",;\t" if s in lines[0]), ",")
    parsed = csv.reader(lines, delimiter=separator)
    columns = tuple(name.strip() for name in next(parsed))
    rows = []
    for number, cells in enumerate(parsed, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise DatasetError(
                f"{path}: line {number} has {len(cells)} cells, the header {len(columns)}",
                "repair the line",
            )
        rows.append((number, {n: cell.strip() for n, cell in zip(columns, cells, strict=True)}))
    return columns, rows
