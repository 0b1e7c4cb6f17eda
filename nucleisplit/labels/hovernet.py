"""JSON of HoVer-Net, and of CellViT: outline, place and type of every nucleus.

HoVer-Net (``run_infer.py``) writes ``{"mag": ..., "nuc": {"1": {...}, ...}}`` for each image;
CellViT ``{"type_map": {...}, "cells": [{...}, ...]}``. A nucleus has in both

- ``bbox``: ``[[first row, first column], [one past the last row, one past the last column]]``,
- ``centroid``: mean x and y of its pixels,
- ``contour``: x and y of the pixels along its rim, the corners only; it holds these pixels too,
- ``type``: the number of its class, 0 or null for none; ``type_prob``: how sure that is.

A pixel is counted by its centre: (0, 0) is the middle of the first one. A contour can hold neither
holes nor several pieces; our files have such nuclei a second time as ``outlines`` along the edges
of pixels, which others pass over, and the size of the image.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.files import load_json, replacing
from nucleisplit.names import brief

from .class_map import ClassMap, find_class_map
from .classes import classes_by_label
from .common import Shape, paint, settle_numbers, settle_shape, whole_numbers
from .label_stream import LabelStream, Piece, as_stream
from .outlines import fill_outlines, trace_outlines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_hovernet", "read_hovernet", "read_hovernet_classes", "write_hovernet"]

_BEGINS = re.compile(
    rb'\s*\{\s*"(mag|nuc|wsi_metadata|processed_patches|type_map|cells|nucleisplit)"\s*:'
)
_HEAD = 200
"""Bytes in which the first key is."""


def write_hovernet(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write one entry of ``nuc`` per nucleus, called by its label.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        ``class`` becomes ``type``, a number from 1, whose name is in ``type_map`` as CellViT has
        it; ``class_probability`` becomes ``type_prob``.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        The array is not a label image.
    """
    stream, _ = as_stream(labels, table)
    types = {name: number for number, name in enumerate(stream.classes, start=1)}
    size = {"height": stream.shape[0], "width": stream.shape[1]}
    head: dict[str, Any] = {"mag": None, "nucleisplit": size, "type_map": types, "nuc": {}}
    with replacing(path, overwrite) as part, part.open("w", encoding="utf-8") as file:
        file.write(_json(head)[:-2])
        begin = "\n"
        for piece in stream.pieces():
            for number, nucleus in _nuclei(piece, types):
                file.write(f'{begin}"{number}":{_json(nucleus)}')
                begin = ",\n"
        file.write("\n}}\n")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _nuclei(part: Piece, types: dict[str, int]) -> Iterator[tuple[int, dict[str, Any]]]:
    outlines = trace_outlines(part.labels, part.top)
    classes, sure = classes_by_label(part.table), _probabilities(part.table)
    for number, pieces in zip(outlines.labels.tolist(), outlines.pieces, strict=True):
        rings = [ring for piece in pieces for ring in piece]
        points = np.concatenate([piece[0] for piece in pieces])
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        window = part.labels[top - part.top : bottom - part.top, left:right]
        rows, columns = np.nonzero(window == number)
        nucleus = {
            "bbox": [[int(top), int(left)], [int(bottom), int(right)]],
            "centroid": [round(left + columns.mean(), 3), round(top + rows.mean(), 3)],
            "contour": contour_of(rings[0]).tolist(),
            "type": types.get(classes.get(number, "")),
            "type_prob": sure.get(number),
        }
        if len(rings) > 1:
            nucleus["outlines"] = [ring.tolist() for ring in rings]
        yield number, nucleus


def _probabilities(table: pd.DataFrame | None) -> dict[int, float]:
    if table is None or "class_probability" not in table:
        return {}
    known = table.set_index("label")["class_probability"].dropna()
    return {int(label): float(f"{value:.6g}") for label, value in known.items()}


def contour_of(ring: np.ndarray) -> np.ndarray:
    """Return the pixels along the inside of a ring, the corners only.

    Parameters
    ----------
    ring : (k, 2) integer ndarray
        x and y along the edges of pixels, as `trace_outlines` has an outer ring.

    Returns
    -------
    (m, 2) integer ndarray
        x and y of pixels, each a neighbour of the next by an edge or a corner, or in line with it.

    Examples
    --------
    >>> contour_of(np.array([[1, 0], [3, 0], [3, 1], [1, 1]])).tolist()
    [[2, 0], [1, 0]]
    """
    ends = np.roll(ring, -1, axis=0)
    along = np.sign(ends - ring)
    inside = np.stack([-along[:, 1], along[:, 0]], axis=1)  # to the right, as drawn
    first, last = 2 * ring + along + inside - 1, 2 * ends - along + inside - 1
    walk = np.stack([first, last], axis=1).reshape(-1, 2) // 2
    walk = walk[(walk != np.roll(walk, 1, axis=0)).any(axis=1)]
    if not len(walk):  # one pixel
        return first[:1] // 2
    steps = np.sign(np.roll(walk, -1, axis=0) - walk)
    return walk[(steps != np.roll(steps, 1, axis=0)).any(axis=1)]


def is_hovernet(path: str | Path) -> bool:
    """Tell from its beginning whether a JSON file is of HoVer-Net or CellViT."""
    try:
        with Path(path).open("rb") as file:
            return _BEGINS.match(file.read(_HEAD)) is not None
    except OSError:
        return False


def read_hovernet(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read the contours of HoVer-Net or CellViT into a label image.

    Parameters
    ----------
    path : str or Path
        A pixel that several contours claim goes to the smallest.
    shape : (int, int), optional
        Rows and columns of the image, where the file does not say.

    Returns
    -------
    (H, W) int32 ndarray
        Numbered as the entries of ``nuc``, or by the order of ``cells``.

    Raises
    ------
    InputError
        The file cannot be read, is none of HoVer-Net, holds a contour outside the image, or the
        size of the image is unknown or differs.
    """
    path = Path(path)
    found = _parse(path)
    shape = settle_shape(path, found.stored, shape)
    objects = [
        each.outlines or _rings(path, number, each.contour, shape)
        for number, each in zip(found.numbers.tolist(), found.nuclei, strict=True)
    ]
    return paint(path, shape, objects, found.numbers)


def read_hovernet_classes(path: str | Path) -> dict[int, str]:
    """Read the type of every nucleus that has one, by its label.

    Its name is that of ``type_map`` in the file, else of the class map beside it, see
    `find_class_map`; without either, types are called ``type 1``, ``type 2`` and so on.

    Raises
    ------
    InputError
        As of `read_hovernet`, and for a type that is not in the map.
    """
    path = Path(path)
    found = _parse(path)
    names = found.map or find_class_map(path.parent)
    told = {
        number: each.type
        for number, each in zip(found.numbers.tolist(), found.nuclei, strict=True)
        if each.type
    }
    if names is None:
        return {number: f"type {kind}" for number, kind in told.items()}
    return {number: names.name_of(kind, path) for number, kind in told.items()}


@dataclass(frozen=True)
class _Nucleus:
    contour: np.ndarray
    """(k, 2), x and y of pixels."""
    outlines: list[np.ndarray]
    """Rings along the edges of pixels, where a contour does not do."""
    type: int
    """0 for none."""


@dataclass(frozen=True)
class _File:
    nuclei: list[_Nucleus]
    numbers: np.ndarray
    stored: Shape | None
    map: ClassMap | None


def _parse(path: Path) -> _File:
    content = load_json(path, "JSON of HoVer-Net")
    try:
        entries = content["nuc"] if "nuc" in content else content["cells"]
        if isinstance(entries, dict):
            numbers = settle_numbers([int(key) for key in entries])
            entries = list(entries.values())
        else:
            numbers = np.arange(1, len(entries) + 1)
        nuclei = [_nucleus(entry) for entry in entries]
        size = content.get("nucleisplit")
        stored = None
        if size:
            height, width = whole_numbers([size["height"], size["width"]]).tolist()
            stored = height, width
        types = _type_map(content.get("type_map") or {})
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InputError(
            f"{path}: is damaged, or is no JSON of HoVer-Net or CellViT "
            f"({type(error).__name__}: {brief(error)})",
            "export it again",
        ) from None
    return _File(nuclei, numbers, stored, ClassMap(path, types) if types else None)


def _nucleus(entry: dict[str, Any]) -> _Nucleus:
    rings = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in entry.get("outlines") or []]
    contour = np.asarray(entry["contour"], np.float64).reshape(-1, 2)
    kind = entry.get("type")
    return _Nucleus(contour, rings, 0 if kind is None else int(whole_numbers(kind)))


def _type_map(types: dict[str, Any]) -> dict[int, str]:
    """Names by number, of name to number (CellViT) or number to name (CellViT++)."""
    if all(isinstance(value, int) for value in types.values()):
        types = {value: name for name, value in types.items()}
    return {int(number): str(name) for number, name in types.items() if int(number)}


def _rings(path: Path, number: int, contour: np.ndarray, shape: Shape) -> list[np.ndarray]:
    """Return the outline, along the edges of pixels, of what a contour encloses and holds."""
    if not len(contour):
        return [contour]
    side = max(shape)
    if not ((contour >= -side) & (contour <= 2 * side)).all():
        raise InputError(
            f"{path}: outline {number} reaches far outside the image of {shape[0]}x{shape[1]} "
            "pixels",
            "use the outlines of this image, in pixels",
        )
    # What lies in the image, in a window of its own: the inside, then the pixels along the rim.
    low = np.clip(np.floor(contour.min(axis=0)).astype(int), 0, shape[::-1])
    high = np.clip(np.ceil(contour.max(axis=0)).astype(int) + 1, 0, shape[::-1])
    if (high <= low).any():
        return [contour]  # to be refused as any outline outside
    width, height = high - low
    mask = fill_outlines((height, width), [[contour + 0.5 - low]], np.ones(1, int))
    x, y = (_along(contour) - low).T
    there = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    mask[y[there], x[there]] = 1
    pieces = trace_outlines(mask).pieces
    return [ring + low for piece in (pieces[0] if pieces else []) for ring in piece] or [contour]


def _along(contour: np.ndarray) -> np.ndarray:
    """Return the pixels on the way from point to point, and back to the first, (n, 2) integer."""
    ahead = np.roll(contour, -1, axis=0) - contour
    counts = np.ceil(np.abs(ahead).max(axis=1)).astype(int).clip(1)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    share = (np.arange(counts.sum()) - begins) / np.repeat(counts, counts)
    points = np.repeat(contour, counts, axis=0) + share[:, None] * np.repeat(ahead, counts, axis=0)
    return np.floor(points + 0.5).astype(int)
