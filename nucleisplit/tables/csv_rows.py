"""Rows of a table as the lines of a CSV file: as pandas writes them, several times as fast."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.names import guarded_cell

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_rows"]


def csv_rows(table: pd.DataFrame) -> str:
    """Return one line per row: commas, numbers with six significant digits, empty for NaN.

    Texts are quoted where they have to be, and guarded where a spreadsheet would compute them.

    Examples
    --------
    >>> import pandas as pd
    >>> csv_rows(pd.DataFrame({"image": ["a,b"], "area": [7], "x": [1 / 3], "y": [np.nan]}))
    '"a,b",7,0.333333,\\n'
    """
    columns = [_column(table[name].to_numpy()) for name in table]
    line = ",".join(form for form, _ in columns) + "\n"
    return "".join([line % row for row in zip(*(values for _, values in columns), strict=True)])


def _column(values: np.ndarray) -> tuple[str, list]:
    """Return how a value is written, and the values."""
    if values.dtype.kind == "f":
        if not np.isnan(values).any():
            return "%.6g", values.tolist()
        return "%s", ["" if value != value else f"{value:.6g}" for value in values.tolist()]
    if values.dtype.kind in "iu":
        return "%d", values.tolist()
    if values.dtype.kind == "b":
        return "%s", values.tolist()
    known = {value: _text(value) for value in set(values.tolist())}
    return "%s", [known[value] for value in values.tolist()]


def _text(value: object) -> str:
    line = io.StringIO()
    value = guarded_cell(value) if isinstance(value, str) else "" if value != value else value
    csv.writer(line, lineterminator="").writerow([value, ""])
    return line.getvalue()[:-1]
