"""The classes of nuclei in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nucleisplit.palette import Color, class_colors

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CLASS_COLORS", "class_names", "classes_by_label", "colors_of"]

CLASS_COLORS = "class_colors"
"""What ``attrs`` of a table call the colours of its classes: name to ``#rrggbb``."""


def colors_of(table: pd.DataFrame | None) -> dict[str, Color]:
    """Return the classes of a table in their order, with their colours; see `CLASS_COLORS`."""
    return class_colors(
        class_names(table), None if table is None else table.attrs.get(CLASS_COLORS)
    )


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
