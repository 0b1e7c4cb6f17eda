"""The submission table of the Data Science Bowl 2018: one nucleus a row, as run lengths.

``ImageId,EncodedPixels``; pairs of start and length, from 1, down the columns; an image without
nuclei has one row without runs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.endings import stem_of
from nucleisplit.errors import InputError
from nucleisplit.files import read_bytes, replacing, warn_of_open_end

from .common import Shape, settle_shape
from .label_stream import LabelStream, as_stream
from .run_lengths import encode_run_lengths

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_submission", "read_submissions", "write_submission", "write_submissions"]

_HEADER = ["ImageId", "EncodedPixels"]
_DIGITS = 18
"""No image has a pixel whose number is longer."""


def write_submission(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write the nuclei of one image, by ascending label.

    Parameters
    ----------
    path : str or Path
        The name without its ending is the id of the image.
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Not used: the format holds no measurements.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        The array is not a label image.
    """
    write_submissions(path, {stem_of(path): labels}, overwrite)


def write_submissions(
    path: str | Path, images: Mapping[str, np.ndarray | LabelStream], overwrite: bool = False
) -> None:
    """Write the nuclei of many images, by id, into one table; see `write_submission`."""
    with replacing(path, overwrite) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_HEADER)
        for image_id in images:
            stream, _ = as_stream(images[image_id])
            for piece in stream.pieces():
                _, runs = encode_run_lengths(piece.labels, piece.top, stream.shape[0])
                for own in runs:
                    pairs = (own + [1, 0]).ravel().tolist()
                    table.writerow([image_id, " ".join(map(str, pairs))])
            if not stream.largest:
                table.writerow([image_id, ""])


def read_submission(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read the nuclei of one image into a label image, numbered 1..n in the order of the rows.

    Parameters
    ----------
    path : str or Path
        The table; where it holds several images, that named like the file: see `read_submissions`.
    shape : (int, int)
        Rows and columns of the image: the format does not say.

    Returns
    -------
    (H, W) int32 ndarray

    Raises
    ------
    InputError
        The file cannot be read, is no such table, or runs overlap or go beyond the image.

    Warns
    -----
    InputWarning
        Its last line does not end.
    """
    path = Path(path)
    images = _images(path)
    name = stem_of(path)
    if len(images) != 1 and name not in images:
        raise InputError(
            f"{path}: holds {len(images)} images, none called {name}",
            f"make label images of all of them: nucleisplit convert {path.name} labels/ --to tiff, "
            "with the images beside it",
        )
    return _paint(path, images[name] if name in images else next(iter(images.values())), shape)


def read_submissions(path: str | Path) -> dict[str, Callable[..., np.ndarray]]:
    """Return what reads each image of a table of several, by id; see `read_submission`.

    The functions take a shape as `read_submission` does. A table of one image gives an empty dict.
    """
    path = Path(path)
    images = _images(path)
    if len(images) == 1:
        return {}
    return {name: partial(_paint, path, texts) for name, texts in images.items()}


def _images(path: Path) -> dict[str, list[str]]:
    """Return the runs of every nucleus, by image."""
    found: dict[str, list[str]] = {}
    for image_id, text in _rows(path):
        found.setdefault(image_id, []).append(text)
    return found or {stem_of(path): []}


def _paint(path: Path, texts: list[str], shape: Shape | None = None) -> np.ndarray:
    height, width = settle_shape(path, None, shape)
    flat = np.zeros(height * width, np.int32)
    for number, text in enumerate((text for text in texts if text.strip()), start=1):
        _add(path, flat, number, text)
    return np.ascontiguousarray(flat.reshape((height, width), order="F"))


def _rows(path: Path) -> list[tuple[str, str]]:
    data = read_bytes(path)
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: is no table ({error})", "export it again") from None
    if not rows or [name.strip() for name in rows[0]] != _HEADER:
        raise InputError(
            f"{path}: does not begin with {','.join(_HEADER)}", "use the form of the competition"
        )
    if odd := [row for row in rows[1:] if row and len(row) != 2]:
        raise InputError(f"{path}: has a row of {len(odd[0])} cells", "keep two in each")
    warn_of_open_end(path, data)
    return [(row[0], row[1]) for row in rows[1:] if row]


def _add(path: Path, flat: np.ndarray, number: int, text: str) -> None:
    """Paint the runs of one nucleus onto the columns of the image, one after the other."""
    words = text.split()
    if len(words) % 2 or not all(word.isdecimal() and len(word) <= _DIGITS for word in words):
        raise InputError(f"{path}: row {number} holds no pairs of numbers: {text[:40]!r}")
    for start, length in zip(words[0::2], words[1::2], strict=True):
        first, last = int(start) - 1, int(start) - 1 + int(length)
        if first < 0 or last > flat.size:
            raise InputError(
                f"{path}: run {start} {length} goes beyond the {flat.size} pixels of the image",
                "runs count from 1, down the columns",
            )
        if flat[first:last].any():
            raise InputError(
                f"{path}: run {start} {length} shares pixels with another",
                "give every pixel to one nucleus",
            )
        flat[first:last] = number
