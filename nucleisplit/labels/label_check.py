"""Tell label images from what is taken for them: photographs, masks, a background with a number."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError, InputWarning

__all__ = ["as_labels", "check_label_image", "warn_of_background"]

_SIDE = 2048
"""Of a large image, the part in the middle that is looked at, pixels."""
_LEAST = 64
"""Pairs of neighbours, or pixels, below which nothing is told."""
_VALUES = 8
"""Values that a photograph has at least; maps of classes have fewer."""
_PIECES = 20
"""Pieces a value that no label image has on average, not even one joined from several."""


def as_labels(path: Path, array: np.ndarray) -> np.ndarray:
    """Return an array as labels, (H, W) int32.

    Raises
    ------
    InputError
        It is not 2-D, or holds fractions, negative numbers or numbers above 2**31 - 1.
    """
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(
            f"{path}: has the shape {array.shape}, not rows and columns", "save one plane of labels"
        )
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.rint(array))).all():
        raise InputError(f"{path}: labels are not whole numbers", "save them as integers")
    if array.dtype.kind != "b":
        low, high = array.min(), array.max()
        if low < 0:
            raise InputError(f"{path}: holds the negative label {low}", "use 0 for background")
        if high > np.iinfo(np.int32).max:
            raise InputError(f"{path}: holds the label {high}, above 2**31 - 1", "renumber it")
    return np.ascontiguousarray(array, dtype=np.int32)


def check_label_image(path: Path, labels: np.ndarray) -> np.ndarray:
    """Return a label image; warn of a mask, refuse a photograph.

    In a label image neighbouring pixels mostly have equal numbers, and a number is in one place.

    Parameters
    ----------
    path : Path
        Named in what is said.
    labels : (H, W) int32 ndarray

    Raises
    ------
    InputError
        It looks like a photograph, or its background has a number as well.

    Warns
    -----
    InputWarning
        Most numbers stand for several nuclei, as in a mask of 0 and 255.
    """
    if labels.size < _LEAST:
        return labels
    part = _middle(labels)
    values, pieces = _count_pieces(part)
    if values >= _VALUES and (_equal_neighbours(part) < 0.5 or pieces > _PIECES * values):
        raise InputError(
            f"{path}: looks like a photograph, not a label image: its {values} values are in "
            f"{pieces} places",
            "name the label images: one number per nucleus, 0 for background",
        )
    if values and pieces >= 2 * values:
        stands = "its one number stands" if values == 1 else f"its {values} numbers stand"
        warnings.warn(
            f"{path}: {stands} for {pieces} pieces, as in a mask; a label image has one number per "
            "nucleus, and touching nuclei cannot be told apart in this one; export labels instead",
            InputWarning,
            stacklevel=2,
        )
    largest = _background(labels)
    if largest and labels.min() > 0 and labels.max() > labels.min():
        raise InputError(
            f"{path}: holds no 0, and {largest} where the background would be",
            "use 0 for background",
        )
    return labels


def warn_of_background(path: Path, labels: np.ndarray) -> np.ndarray:
    """Return a label image; warn of a nucleus as large as the image, which may be none.

    Warns
    -----
    InputWarning
        One number covers more than half of the image, and reaches all of its edges.
    """
    number = _background(labels) if labels.size >= _LEAST else 0
    if number:
        share = np.count_nonzero(labels == number) / labels.size
        warnings.warn(
            f"{path}: nucleus {number} covers {share:.0%} of the image and reaches all of its "
            "edges; if it is the background or a region, remove it",
            InputWarning,
            stacklevel=2,
        )
    return labels


def _background(labels: np.ndarray) -> int:
    """The number that covers most of the image and reaches all of its edges; 0 if none does."""
    edges = [set(np.unique(e)) for e in (labels[0], labels[-1], labels[:, 0], labels[:, -1])]
    found = set.intersection(*edges) - {0}
    return next((int(n) for n in found if 2 * np.count_nonzero(labels == n) > labels.size), 0)


def _middle(labels: np.ndarray) -> np.ndarray:
    starts = [max(0, (length - _SIDE) // 2) for length in labels.shape]
    return labels[starts[0] : starts[0] + _SIDE, starts[1] : starts[1] + _SIDE]


def _equal_neighbours(labels: np.ndarray) -> float:
    """Share of the neighbours in a row or column, neither of them 0, that are equal."""
    equal = total = 0
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        both = (one > 0) & (other > 0)
        total += int(np.count_nonzero(both))
        equal += int(np.count_nonzero(both & (one == other)))
    return equal / total if total >= _LEAST else 1.0


def _count_pieces(labels: np.ndarray) -> tuple[int, int]:
    """Count the numbers other than 0, and their 8-connected pieces but for crumbs."""
    from skimage.measure import label

    pieces, count = label(labels, background=0, connectivity=2, return_num=True)
    if not count:
        return 0, 0
    area = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    owner = np.zeros(count + 1, np.int64)
    owner[pieces.ravel()] = labels.ravel()
    numbers, slot = np.unique(owner[1:], return_inverse=True)
    largest = np.zeros(numbers.size, np.int64)
    np.maximum.at(largest, slot, area)
    return numbers.size, int(np.count_nonzero(area > 0.05 * largest[slot]))
