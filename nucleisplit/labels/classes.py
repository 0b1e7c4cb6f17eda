"""The classes of nuclei in a table, and the colours that stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["class_color", "class_names", "classes_by_label"]

_COLOURS = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)),
    *((213, 94, 0), (204, 121, 167), (0, 114, 178), (160, 160, 160)),
)
"""Told apart by any colour vision (Okabe, Ito 2008), the black of the original made gray."""


def class_color(number: int) -> tuple[int, int, int]:
    """Return the colour, red, green and blue, of the class of that number, from 0."""
    return _COLOURS[number % len(_COLOURS)]


def class_names(table: pd.DataFrame | None) -> list[str]:
    """List the classes of a table in their order: those that could be, or those that occur."""
    if table is None or "class" not in table:
        return []
    column = table["class"]
    if column.dtype.name == "category":
        return [str(name) for name in column.cat.categories]
    return sorted(column.dropna().astype(str).unique())


def classes_by_label(table: pd.DataFrame | None) -> dict[int, str]:
    """Return the class of every nucleus of a table that has one, by label."""
    if table is None or "class" not in table:
        return {}
    named = table[["label", "class"]].dropna()
    return dict(zip(named["label"].tolist(), named["class"].astype(str).tolist(), strict=True))
