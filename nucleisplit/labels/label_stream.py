"""Label images whole or from a file, band by band, so that one of any size can be written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numba
import numpy as np

from nucleisplit.images import open_image
from nucleisplit.palette import Color

from .classes import colors_of
from .tiff import BAND, check_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LabelStream", "Piece", "as_stream", "stream_label_file"]


@dataclass(frozen=True, eq=False)
class Piece:
    """Some rows of a label image, of its whole width, in which every nucleus is whole."""

    labels: np.ndarray
    top: int
    """Row of the image at which it begins."""
    table: pd.DataFrame | None
    """The rows of its nuclei."""


@dataclass(frozen=True, eq=False)
class LabelStream:
    """A label image that is read as often as it is written."""

    shape: tuple[int, int]
    largest: int
    """The highest label."""
    bands: Callable[[], Iterable[np.ndarray]]
    """Gives its rows from top to bottom: `BAND` at a time, or all at once."""
    pieces: Callable[[], Iterable[Piece]]
    """Gives its nuclei, each in one piece."""
    classes: Mapping[str, Color] = field(default_factory=dict)
    """Of nuclei that have them, all that there could be, in order, with their colours."""
    path: Path | None = None
    """The file that it is read from, where it is not in memory."""


def as_stream(
    labels: np.ndarray | LabelStream, table: pd.DataFrame | None = None
) -> tuple[LabelStream, bool]:
    """Return what a writer reads, and whether it comes band by band.

    Raises
    ------
    ValueError
        The array is not a label image.
    """
    if isinstance(labels, LabelStream):
        return labels, True
    whole = check_labels(labels)
    largest = int(whole.max(initial=0))
    pieces = [Piece(whole, 0, table)]
    return LabelStream(
        whole.shape, largest, lambda: [whole], lambda: pieces, colors_of(table)
    ), False


def stream_label_file(
    path: str | Path,
    count: int,
    rows: Callable[[], Iterable[pd.DataFrame]],
    classes: Mapping[str, Color] | None = None,
) -> LabelStream:
    """Return a label image that is read from a file, `BAND` rows at a time.

    Parameters
    ----------
    path : str or Path
        A tiled TIFF, as of `write_label_bands`, with labels from 1 to `count`.
    count : int
    rows : callable
        Gives the table of the nuclei, in the order of the labels, a part at a time.
    classes : mapping, optional
        See `LabelStream`.
    """
    with open_image(path) as source:
        height, width = source.plane().shape[:2]

    def bands() -> Iterator[np.ndarray]:
        with open_image(path) as source:
            plane = source.plane()
            for top in range(0, height, BAND):
                yield plane.read(slice(top, min(top + BAND, height)), slice(0, width))

    def pieces() -> Iterator[Piece]:
        return whole_pieces(bands(), rows())

    return LabelStream((height, width), count, bands, pieces, classes or {}, Path(path))


def whole_pieces(bands: Iterable[np.ndarray], rows: Iterable[pd.DataFrame]) -> Iterator[Piece]:
    """Cut a label image into pieces with whole nuclei.

    What is kept in memory are a band and the rows above it that hold unfinished nuclei, and what
    the table says of these and of those that come next.

    Parameters
    ----------
    bands : iterable of (h, W) integer ndarray
        From top to bottom.
    rows : iterable of DataFrame
        In the order of the labels; ``bbox-0`` and ``bbox-2`` say where each nucleus begins and
        ends.

    Examples
    --------
    >>> import pandas as pd
    >>> image = np.array([[1, 0], [1, 2], [0, 2]])
    >>> table = pd.DataFrame({"label": [1, 2], "bbox-0": [0, 1], "bbox-2": [2, 3]})
    >>> pieces = whole_pieces([image[:2], image[2:]], [table])
    >>> [(piece.top, piece.labels.tolist(), len(piece.table)) for piece in pieces]
    [(0, [[1, 0], [1, 0]], 1), (1, [[0, 2], [0, 2]], 1)]
    """
    import pandas as pd

    parts = iter(rows)
    open_rows: pd.DataFrame | None = None
    waiting: np.ndarray | None = None
    known = top = 0
    for band in bands:
        canvas = band.astype(np.int32)
        if waiting is not None:
            canvas = np.concatenate([waiting, canvas])
        end = top + len(canvas)
        # Read on in the table until it tells of every nucleus that has been seen.
        largest = int(band.max(initial=0))
        while open_rows is None or known < largest:
            part = next(parts)
            known = int(part["label"].max()) if len(part) else known
            open_rows = part if open_rows is None else pd.concat([open_rows, part])
        is_done = (open_rows["bbox-2"] <= end).to_numpy()
        done, open_rows = open_rows[is_done], open_rows[~is_done]
        if len(done):
            first, last = int(done["bbox-0"].min()) - top, int(done["bbox-2"].max()) - top
            numbers = done["label"].to_numpy()
            wanted = np.zeros(numbers.max() - numbers.min() + 1, bool)
            wanted[numbers - numbers.min()] = True
            finished = np.zeros((last - first, canvas.shape[1]), np.int32)
            _move(canvas[first:last], numbers.min(), wanted, finished)
            yield Piece(finished, top + first, done)
            del finished
        start = min([end, *open_rows["bbox-0"]])
        waiting, top = canvas[start - top :].copy(), start
        del canvas


@numba.njit(cache=True)
def _move(canvas, first, wanted, target):  # pragma: no cover
    """Move the pixels of some nuclei, told by their labels less `first`, to another canvas."""
    height, width = canvas.shape
    for y in range(height):
        for x in range(width):
            place = canvas[y, x] - first
            if 0 <= place < len(wanted) and wanted[place]:
                target[y, x] = canvas[y, x]
                canvas[y, x] = 0
