"""Colours of nuclei by predicted IoU or class, as in the pictures that ``infer`` draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nucleisplit.overlay import iou_colors
from nucleisplit.palette import Color

__all__ = ["UNKNOWN", "class_table", "color_table"]

UNKNOWN = (1.0, 0.431, 0.235, 1.0)
"""Red, green, blue and opacity where no IoU is predicted, as of what is painted by hand."""

_LARGEST = 2**16
"""Rows of the largest table that napari takes."""


def color_table(iou: np.ndarray) -> np.ndarray:
    """Make the table of colours that napari cycles through, one row per label.

    Parameters
    ----------
    iou : (n,) ndarray
        Predicted IoU by label, the first that of the background; NaN where there is none.

    Returns
    -------
    (m, 4) float32 ndarray
        With room for as many new labels. Of more labels than napari takes the last ones have the
        colours of others.

    Examples
    --------
    >>> color_table(np.array([np.nan, 1.0, np.nan]))[:3].round(2).tolist()
    [[0.0, 0.0, 0.0, 0.0], [0.2, 0.49, 0.94, 1.0], [1.0, 0.43, 0.24, 1.0]]
    """
    iou = np.asarray(iou, float)[:_LARGEST]
    table = _table_for(len(iou))
    known = np.flatnonzero(np.isfinite(iou))
    table[known, :3] = iou_colors(iou[known]) / np.float32(255)
    table[0] = 0
    return table


def class_table(
    classes: Mapping[int, str], colors: Mapping[str, Color], largest: int
) -> np.ndarray:
    """Make the same table by class.

    Parameters
    ----------
    classes : mapping of int to str
        The class by label.
    colors : mapping of str to Color
        Of all classes.
    largest : int
        The largest label.

    Examples
    --------
    >>> class_table({2: "b"}, {"b": (87, 181, 232)}, 2)[:3].round(2).tolist()
    [[0.0, 0.0, 0.0, 0.0], [1.0, 0.43, 0.24, 1.0], [0.34, 0.71, 0.91, 1.0]]
    """
    table = _table_for(largest + 1)
    for label, name in classes.items():
        if label < len(table) and name in colors:
            table[label, :3] = np.divide(colors[name], 255)
    table[0] = 0
    return table


def _table_for(labels: int) -> np.ndarray:
    table = np.empty((min(_LARGEST, max(1024, 2 * labels)), 4), np.float32)
    table[:] = UNKNOWN
    return table
