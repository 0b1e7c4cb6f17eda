"""What the formats share: the size of the image, the numbers of the nuclei, their measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError

from .outlines import fill_outlines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Shape", "measurements", "paint", "settle_numbers", "settle_shape"]

Shape = tuple[int, int]

_FAR = 1e9
"""No pixel of any image lies as far out."""


def settle_shape(path: Path, stored: Shape | None, given: Shape | None) -> Shape:
    """Return the rows and columns of the image; `InputError` if unknown or contradictory."""
    if stored and given and tuple(stored) != tuple(given):
        raise InputError(
            f"{path}: was made for an image of {stored[0]}x{stored[1]} pixels, this one has "
            f"{given[0]}x{given[1]}",
            "use the labels of this image",
        )
    shape = stored or given
    if not shape:
        raise InputError(
            f"{path}: does not say how large its image is", "put the image of that name beside it"
        )
    if min(shape) < 1 or math.prod(shape) > 2**31:
        raise InputError(f"{path}: says its image is {shape[0]}x{shape[1]} pixels", "correct it")
    return int(shape[0]), int(shape[1])


def settle_numbers(numbers: Sequence[Any]) -> np.ndarray:
    """Return the given numbers if they can be labels, else 1, 2, 3, ...

    >>> settle_numbers([4, 9]).tolist(), settle_numbers([4, None]).tolist()
    ([4, 9], [1, 2])
    """
    usable = [n for n in numbers if isinstance(n, int | float) and 0 < n < 2**31 and n == int(n)]
    if len(set(usable)) < len(numbers):
        return np.arange(1, len(numbers) + 1)
    return np.array(usable, np.int64)


def paint(
    path: Path, shape: Shape, objects: list[list[np.ndarray]], labels: np.ndarray
) -> np.ndarray:
    """Paint outlines, see `fill_outlines`; `InputError` if one lies wholly outside the image.

    Rings of fewer than three points enclose nothing and are passed over.
    """
    for number, rings in zip(labels, objects, strict=True):
        points = np.concatenate(rings)
        if not len(points):
            continue
        if not (np.abs(points) < _FAR).all():
            raise InputError(f"{path}: outline {number} has coordinates that are no numbers")
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        if right <= 0 or bottom <= 0 or left >= shape[1] or top >= shape[0]:
            raise InputError(
                f"{path}: outline {number} (x {left:g} to {right:g}, y {top:g} to {bottom:g}) lies "
                f"outside the image of {shape[0]}x{shape[1]} pixels",
                "use the outlines of this image, in pixels",
            )
    return fill_outlines(shape, objects, labels)


def measurements(labels: np.ndarray, table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return the measurements of each label, six digits, without those that are not finite.

    Parameters
    ----------
    labels : (n,) integer ndarray
        The labels wanted, ascending.
    table : DataFrame, optional
        As `nucleisplit.measure.measure` returns it; a label without a row has its number alone.
    """
    numbers = labels.tolist()
    if table is None:
        return [{"label": number} for number in numbers]
    rows = table.select_dtypes(["number", "bool"]).astype(float)
    rows = rows.set_index("label").reindex(labels)
    columns = [[float(f"{value:.6g}") for value in rows[name].tolist()] for name in rows]
    names = ["label", *rows.columns]
    return [
        {name: value for name, value in zip(names, values, strict=True) if math.isfinite(value)}
        for values in zip(numbers, *columns, strict=True)
    ]
