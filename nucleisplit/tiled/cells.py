"""The nuclei of a large image grown into cells: label image and table, block by block."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from nucleisplit.files import replacing
from nucleisplit.images import Plane, open_image
from nucleisplit.labels import BAND, LabelStream, stream_label_file, write_label_bands
from nucleisplit.measure import (
    Expansion,
    Measures,
    Regions,
    add_cell_micrometres,
    as_table,
    expand,
    in_order,
    measure_cells,
)
from nucleisplit.tables import csv_rows
from nucleisplit.tiled.tile import move_table, read_part

__all__ = ["expand_large"]

_BLOCK = 4096
"""Columns that are grown, or measured, at a time."""
_ROWS = 20_000
"""Cells in a part of the table."""


def expand_large(
    plane: Plane,
    nuclei: LabelStream,
    file: Path,
    expansion: Expansion,
    measures: Measures,
    cells: Path,
    table: Path,
    name: str = "image",
) -> list[str]:
    """Grow nuclei into cells and measure them, in memory that does not grow with the image.

    Parameters
    ----------
    plane
        The image.
    nuclei, file
        Its labels, 1 to n without gaps, and the file that holds them.
    expansion
    measures
        As of `measure_cells`.
    cells, table
        What to write: the label image, and the table as CSV; replaced where they exist.
    name
        What the table calls the image.

    Returns
    -------
    list of str
        The columns of the table.

    Raises
    ------
    ConfigError
        See `Expansion.spacing`.
    OutputError
        A file cannot be written.
    """
    box = np.zeros((nuclei.largest, 4), np.int64)
    box[:, :2] = np.iinfo(np.int64).max

    with open_image(file) as source:
        bands = _grown(source.plane(), expansion, plane.pixel_size, box)
        write_label_bands(cells, nuclei.shape, bands, overwrite=True)

    places = {f"bbox-{side}": box[:, side] for side in range(4)}
    boxes = pd.DataFrame({"label": np.arange(1, len(box) + 1), **places})
    pieces = stream_label_file(cells, len(box), lambda: [boxes]).pieces()
    columns: list[str] = []
    with (
        open_image(file) as source,
        tempfile.TemporaryFile(dir=table.parent) as waiting,
        replacing(table, overwrite=True) as part,
        part.open("w", encoding="utf-8", newline="") as out,
    ):
        values = np.zeros((0, 0))
        for rows in _measured(plane, source.plane(), pieces, measures):
            if not columns:
                columns = list(rows)
                shape = max(1, len(box)), len(columns)
                values = np.memmap(waiting, np.float64, "w+", shape=shape)
            values[rows["label"].to_numpy() - 1] = rows.to_numpy(np.float64)
        for first in range(0, len(box) or 1, _ROWS):
            found = values[first : min(first + _ROWS, len(box))]
            rows = as_table(dict(zip(columns, found.T, strict=True)))
            if plane.pixel_size is not None:
                add_cell_micrometres(rows, plane.pixel_size)
            rows = rows[in_order(rows)]
            rows.insert(0, "image", name)
            if not first:
                out.write(",".join(rows) + "\n")
            out.write(csv_rows(rows))
    return list(rows)


def _grown(
    nuclei: Plane, expansion: Expansion, size: tuple[float, float] | None, box: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the label image of the cells from top to bottom, and note where each of them is."""
    height, width = nuclei.shape[:2]
    down, across = expansion.margin(size)
    for top in range(0, height, BAND):
        bottom = min(top + BAND, height)
        above, below = max(0, top - down), min(bottom + down, height)
        band = np.zeros((bottom - top, width), np.uint32)
        for left in range(0, width, _BLOCK):
            right = min(left + _BLOCK, width)
            start, stop = max(0, left - across), min(right + across, width)
            around = nuclei.read(slice(above, below), slice(start, stop))
            if around.any():
                grown = expand(around, expansion, size)
                band[:, left:right] = grown[
                    top - above : bottom - above, left - start : right - start
                ]
        found = Regions.of(band)
        at, own = found.ids - 1, found.box.T + (top, 0, top, 0)
        box[at, :2] = np.minimum(box[at, :2], own[:, :2])
        box[at, 2:] = np.maximum(box[at, 2:], own[:, 2:])
        yield band


def _measured(plane: Plane, nuclei: Plane, pieces, measures: Measures) -> Iterator[pd.DataFrame]:
    """Yield the rows of cells in pixels of the image, in any order; one part at least."""
    shape = plane.shape[0], plane.shape[1]
    nothing = np.zeros((1, 1), np.int32)
    region = [slice(0, 1), slice(0, 1)]
    pixels, channels = read_part(plane, region, measures)
    yield measure_cells(nothing, nothing, pixels, measures, channels=channels)
    for piece in pieces:
        block = piece.table["bbox-1"] // _BLOCK
        for _, own in piece.table.groupby(block):
            low = own[["bbox-0", "bbox-1"]].min().tolist()
            high = own[["bbox-2", "bbox-3"]].max().tolist()
            region = [slice(a, b) for a, b in zip(low, high, strict=True)]
            cells = piece.labels[low[0] - piece.top : high[0] - piece.top, region[1]]
            cells = np.where(np.isin(cells, own["label"]), cells, 0)
            pixels, channels = read_part(plane, region, measures)
            rows = measure_cells(cells, nuclei.read(*region), pixels, measures, channels=channels)
            numbers = rows["label"]
            move_table(rows, (low[0], low[1]), shape)
            yield rows.assign(label=numbers)
