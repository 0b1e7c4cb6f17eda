"""The same in micrometres, where the size of a pixel is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .columns import LENGTHS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["add_micrometres"]

_SQUARE = 0.01
"""Height and width of a pixel that differ by less make it a square."""


def add_micrometres(table: pd.DataFrame, pixel_size: tuple[float, float]) -> None:
    """Add columns in micrometres to a table of nuclei, in place; those that it has stay.

    Area, centre, axes and the diameter of the circle of the same area are right for pixels of any
    height and width. Perimeter and Feret diameter are sums or extremes over an outline that was
    measured in pixels: where these are no squares, they are left out (NaN).

    Parameters
    ----------
    table : DataFrame
    pixel_size : (float, float)
        Height and width of a pixel, um.
    """
    down, across = pixel_size
    side = np.sqrt(down * across)
    square = abs(down / across - 1) < _SQUARE
    factors = dict.fromkeys(LENGTHS, side if square else np.nan)
    factors |= {"centroid-0": down, "centroid-1": across, "area": down * across}
    factors["equivalent_diameter_area"] = side
    for name, other in LENGTHS.items():
        if name in table and other not in table:
            table[other] = table[name] * factors[name]
    if "axis_major_length" in table:
        for name, axis in _axes(table, down, across).items():
            table[f"{name}_um"] = axis


def _axes(table: pd.DataFrame, down: float, across: float) -> dict[str, np.ndarray]:
    """Return both axes of the ellipses, stretched.

    An ellipse with the axes a and b, of which a is turned by an angle t from the rows, has the
    second moments (a cos t)^2 + (b sin t)^2 down, (a sin t)^2 + (b cos t)^2 across, and
    (a^2 - b^2) sin t cos t.
    """
    a, b, turn = (
        table[name].to_numpy() for name in ("axis_major_length", "axis_minor_length", "orientation")
    )
    cos, sin = np.cos(turn), np.sin(turn)
    rr = ((a * cos) ** 2 + (b * sin) ** 2) * down**2
    cc = ((a * sin) ** 2 + (b * cos) ** 2) * across**2
    rc = (a * a - b * b) * sin * cos * down * across
    half, root = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
    return {
        "axis_major_length": np.sqrt(half + root),
        "axis_minor_length": np.sqrt(np.maximum(half - root, 0)),
    }
