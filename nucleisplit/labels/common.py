"""What the formats share: the size of the image, the numbers of the nuclei, their measurements."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError

from .outlines import fill_outlines

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Shape",
    "measurement_texts",
    "paint",
    "settle_numbers",
    "settle_shape",
    "whole_numbers",
]

Shape = tuple[int, int]

_FAR = 1e9
"""No pixel of any image lies as far out."""
_CLAIMED, _MOST = 2**28, 2**31
"""Pixels of the largest image that a file alone may claim (our own are no larger), and of the
largest that is painted at all."""


def whole_numbers(values: Any) -> np.ndarray:
    """Return numbers of a file as int64; `ValueError` for fractions, infinity and absurd ones.

    >>> whole_numbers([1, 2.0]).tolist()
    [1, 2]
    """
    try:
        exact = np.asarray(values, np.float64)
    except (OverflowError, TypeError) as error:
        raise ValueError(str(error)) from None
    if not (np.abs(exact) < 2**53).all() or (exact != np.rint(exact)).any():
        raise ValueError("not all are whole numbers")
    return exact.astype(np.int64)


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
    if min(shape) < 1 or math.prod(shape) > (_MOST if given else _CLAIMED):
        raise InputError(
            f"{path}: says its image is {shape[0]}x{shape[1]} pixels",
            "correct it, or put the image of that name beside it",
        )
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
    path: Path,
    shape: Shape,
    objects: list[list[np.ndarray]],
    labels: np.ndarray,
    unite: bool = False,
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
    return fill_outlines(shape, objects, labels, unite)


def measurement_texts(labels: np.ndarray, table: pd.DataFrame | None) -> list[str]:
    """Return the measurements of each label as JSON: six digits, without those that are not finite.

    Parameters
    ----------
    labels : (n,) integer ndarray
        The labels wanted, ascending.
    table : DataFrame, optional
        As `nucleisplit.measure.measure` returns it; a label without a row has its number alone.

    Examples
    --------
    >>> import pandas as pd
    >>> measurement_texts(np.array([3, 4]), pd.DataFrame({"label": [3], "area": [7], "x": [1 / 3]}))
    ['{"label":3,"area":7,"x":0.333333}', '{"label":4}']
    """
    numbers = labels.tolist()
    if table is None:
        return [f'{{"label":{number}}}' for number in numbers]
    rows = table.select_dtypes(["number", "bool"]).set_index("label")
    forms = [_form(str(name), kind) for name, kind in rows.dtypes.items()]
    rows = rows.reindex(labels)
    finite = np.isfinite(rows.to_numpy(np.float64))
    whole = "{" + ",".join(['"label":%d', *forms]) + "}"
    values = zip(numbers, *(rows[name].tolist() for name in rows), strict=True)
    return [
        whole % row if complete else _partly(row, forms, known)
        for row, complete, known in zip(values, finite.all(axis=1).tolist(), finite, strict=True)
    ]


def _form(name: str, kind: np.dtype) -> str:
    """Return how a measurement is written."""
    return json.dumps(name).replace("%", "%%") + (":%.6g" if kind.kind == "f" else ":%d")


def _partly(row: tuple, forms: list[str], known: np.ndarray) -> str:
    """Leave out what is not known."""
    kept = [
        form % value
        for form, value, is_known in zip(forms, row[1:], known, strict=True)
        if is_known
    ]
    return "{" + ",".join([f'"label":{row[0]}', *kept]) + "}"
