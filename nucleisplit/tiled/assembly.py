"""Put the tiles of a large image together, row by row, into one label image and one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from nucleisplit.images import Plane
from nucleisplit.measure import Measures, measure_alone
from nucleisplit.tiled.pixel_runs import paint_runs
from nucleisplit.tiled.seams import Nuclei, settle_seams
from nucleisplit.tiled.tile import TileResult, move_table, read_part
from stage1_unet import Tile

__all__ = ["assemble"]


def assemble(
    rows: Iterable[tuple[Sequence[Tile], Sequence[TileResult]]],
    plane: Plane,
    measures: Measures,
    band: int,
    take_table: Callable[[pd.DataFrame], None],
) -> Iterator[np.ndarray]:
    """Yield the label image from top to bottom.

    No more than two rows of tiles are kept in memory, so a generator of them is best.

    Parameters
    ----------
    rows
        From the top, each row of tiles from `plan_tiles` with its results.
    plane
        The image, to measure nuclei anew that lose pixels at a seam.
    measures
        As the tiles were measured.
    band
        Height of the pieces, pixels.
    take_table
        Called with the rows of the table as soon as they are known, in the order of the labels,
        which are 1 to n without gaps; before the pieces that hold these labels.

    Yields
    ------
    (band, W) uint32 ndarray
        The last one may be lower.
    """
    height, width = plane.shape[:2]
    pending: Nuclei | None = None
    waiting = np.zeros((0, 4), np.int64)
    count = done = 0
    rest = iter(rows)
    row: tuple[Sequence[Tile], Sequence[TileResult]] | None = next(rest)
    while row is not None:
        _, results = row
        found = [Nuclei(result.runs, result.table) for result in results]
        row = next(rest, None)
        limit = row[0][0].outer[0].start if row else height
        joined = Nuclei.join(found if pending is None else [pending, *found])
        settled, pending = settle_seams(joined, limit, partial(_measure, plane, measures))
        settled.table["label"] = np.arange(count + 1, count + len(settled) + 1)
        take_table(settled.table.copy())
        runs = settled.runs.astype(np.int64)
        runs[:, 0] += count + 1
        waiting = np.concatenate([waiting, runs])
        count += len(settled)
        final = min([limit, *pending.table["bbox-0"]])
        while done < final and (done + band <= final or final == height):
            canvas = np.zeros((min(band, height - done), width), np.uint32)
            now = waiting[:, 1] < done + band
            _paint(canvas, waiting[now], done)
            waiting = waiting[~now]
            yield canvas
            done += band


def _paint(canvas: np.ndarray, runs: np.ndarray, top: int) -> None:
    """Paint runs whose first column is the label."""
    labels, runs = runs[:, 0].astype(np.uint32), runs.copy()
    runs[:, 0] = np.arange(len(runs))
    paint_runs(canvas, runs, labels, top, 0)


def _measure(
    plane: Plane,
    measures: Measures,
    labels: np.ndarray,
    origin: tuple[int, int],
    rows: pd.DataFrame,
) -> pd.DataFrame:
    """Measure one nucleus of the image anew."""
    region = [slice(at, at + n) for at, n in zip(origin, labels.shape, strict=True)]
    given = rows["predicted_iou"].to_numpy(), rows["threshold"].to_numpy()
    pixels, channels = read_part(plane, region, measures)
    table = measure_alone(labels, pixels, *given, measures, channels=channels)
    for name in ("class_id", "class_probability"):
        if name in rows:
            table[name] = rows[name].to_numpy()
    move_table(table, origin, plane.shape[:2])
    return table
