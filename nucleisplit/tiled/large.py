"""Segment an image of any size: survey, tiles, assembly; what is done stays done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nucleisplit.files import replacing
from nucleisplit.images import Plane
from nucleisplit.labels import BAND, write_label_bands
from nucleisplit.overlay import ClassColors, write_overlay
from nucleisplit.segmenter import Segmenter
from nucleisplit.tiled.assembly import assemble
from nucleisplit.tiled.grid import plan_tiles
from nucleisplit.tiled.nuclei_rows import Rows
from nucleisplit.tiled.survey import Survey, survey_plane
from nucleisplit.tiled.tile import TileResult, clip, digest_of, read_part, segment_tile
from nucleisplit.tiled.tile_store import TileStore
from stage1_unet import Progress, Tile, part_of
from stage2_trees import DOUBTFUL, expected_map

__all__ = ["LargeResult", "is_large", "segment_large"]

_IN_ONE_PIECE = 2**23
"""Pixels of an image that is computed in one piece, unless told otherwise."""
_PICTURE = 2048
"""Longest side of the picture of the outlines."""

Place = tuple[int, int]
"""Row and column of a tile."""
Compute = Callable[[Survey, dict[Place, Tile], int], Iterable[tuple[Place, TileResult]]]
"""Computes tiles, in any order, with thumbnails that are shrunk by the last argument."""


@dataclass(frozen=True)
class LargeResult:
    """What is known of an image whose labels and table are on the disk."""

    nuclei: int
    predicted_map: float
    """As of `nucleisplit.Segmentation`."""
    diameter: float | None
    scale: float
    tiles: int
    blank: int
    """Tiles that were empty, so that no network saw them."""
    columns: list[str]
    """Of the table."""
    neighbour_radius: float | None
    """Within which nuclei were counted as near, pixels."""
    classes: dict[str, int]
    """Nuclei of each class; empty where the model knows none."""
    dropped: int = 0
    """As of `nucleisplit.Segmentation`."""

    @property
    def doubtful(self) -> bool:
        """Whether the image has likely failed: few hits predicted, or no nuclei at all."""
        return not self.nuclei or self.predicted_map < DOUBTFUL


def is_large(shape: Sequence[int], tile: int | None = None) -> bool:
    """Tell whether an image is computed in tiles: one with a side above `tile`, if that is given.

    >>> is_large((2048, 2048)), is_large((4096, 4096)), is_large((600, 100), tile=512)
    (False, True, True)
    """
    return max(shape[:2]) > tile if tile else shape[0] * shape[1] > _IN_ONE_PIECE


def segment_large(
    plane: Plane,
    segmenter: Segmenter,
    tile_store: TileStore,
    labels: Path,
    table: Path,
    overlay: Path | None = None,
    *,
    name: str = "image",
    compute: Compute | None = None,
    progress: Progress | None = None,
) -> LargeResult:
    """Find the nuclei of a plane tile by tile, in memory that does not grow with its height.

    Parameters
    ----------
    plane
    segmenter
    tile_store
        Where finished tiles are kept until the end. What an earlier run left there for the same
        task is not computed again, if its pixels are the same where the file has changed; the
        result is the same, byte by byte. A tile that is lost or damaged there is computed again.
    labels, table, overlay
        What to write: the label image, the table as CSV, and a picture of the outlines, shrunk to
        fit 2,048 pixels.
    name
        What the table calls the image.
    compute
        Computes tiles elsewhere; here, one after the other, by default.
    progress
        See `stage1_unet.Progress`: the share of the tiles. What is raised loses no finished tile.

    Raises
    ------
    InputError
        The image cannot be read. Tiles that are finished are kept.
    OutputError
        A file cannot be written. Tiles that are finished are kept.
    """
    survey = tile_store.open()
    if survey is None or tile_store.changed:
        survey = _survey_anew(plane, segmenter, tile_store, survey, progress)
    rows = plan_tiles(plane.shape[:2], segmenter.ensemble, survey)
    places = {(i, j): tile for i, row in enumerate(rows) for j, tile in enumerate(row)}
    todo = {place: tile for place, tile in places.items() if not tile_store.has(*place)}
    shrink = -(-max(plane.shape[:2]) // _PICTURE)

    def here(*_: object) -> Iterator[tuple[Place, TileResult]]:
        for place, tile in todo.items():
            own = part_of(progress, done, len(places))
            yield place, segment_tile(plane, tile, survey, segmenter, shrink, own)

    done = len(places) - len(todo)
    for place, result in (compute or here)(survey, todo, shrink):
        tile_store.save(*place, result)
        done += 1
        part_of(progress, done, len(places))(0.0)
    segmenter.ensemble.release()  # the rest needs its own

    gather = _Gather(plane.shape, shrink)

    def load(place: Place) -> TileResult:
        result = tile_store.load(*place)
        if result is None:  # lost or damaged since
            result = segment_tile(plane, places[place], survey, segmenter, shrink)
            tile_store.save(*place, result)
        return result

    classes = segmenter.classifier.classes if segmenter.classifier else ()
    loaded = ((row, [load((i, j)) for j in range(len(row))]) for i, row in enumerate(rows))
    with (
        replacing(table, overwrite=True) as part,
        part.open("w", encoding="utf-8", newline="") as file,
        Rows(table.parent, segmenter.measures, plane.pixel_size, classes) as kept,
    ):

        def take_table(rows: pd.DataFrame) -> None:
            gather.add_table(rows)
            kept.add(rows)

        def take_band(band: np.ndarray) -> np.ndarray:
            gather.add_band(band)
            kept.add_band(band)
            return band

        bands = assemble(map(gather.add_row, loaded), plane, segmenter.measures, BAND, take_table)
        write_label_bands(labels, plane.shape[:2], map(take_band, bands), overwrite=True)
        kept.write(file, name)
    if overlay is not None and gather.image is not None:
        palette = segmenter.class_colors
        told = ClassColors(palette, gather.class_ids) if classes else None
        picture = (gather.image, gather.labels, gather.iou)
        write_overlay(overlay, *picture, overwrite=True, classes=told)
    return LargeResult(
        gather.count,
        expected_map(gather.hits, gather.kept, gather.missed),
        survey.radius and 2 * survey.radius,
        survey.scale,
        len(places),
        gather.blank,
        kept.columns,
        kept.radius,
        kept.class_counts,
        gather.dropped,
    )


def _survey_anew(
    plane: Plane,
    segmenter: Segmenter,
    tile_store: TileStore,
    before: Survey | None,
    progress: Progress | None,
) -> Survey:
    """Survey a plane; of an image that has changed, keep the tiles that have not."""
    heard = part_of(progress, 0, 1)
    survey = survey_plane(plane, segmenter, lambda share: heard(0.0))
    if before is not None:
        if json.dumps(before.to_json()) != json.dumps(survey.to_json()):
            tile_store.clear()
        for i, row in enumerate(plan_tiles(plane.shape[:2], segmenter.ensemble, survey)):
            for j, tile in enumerate(row):
                kept = tile_store.load(i, j)
                part = clip(tile.outer, plane.shape[:2])
                read = read_part(plane, part, segmenter.measures)
                if kept is None or kept.digest != digest_of(*read):
                    tile_store.drop(i, j)
    tile_store.start(survey)
    return survey


class _Gather:
    """Adds up what passes by while an image is put together."""

    def __init__(self, shape: tuple[int, ...], shrink: int) -> None:
        self.shape, self.shrink = shape, shrink
        small = tuple(-(-length // shrink) for length in shape[:2])
        self.labels = np.zeros(small, np.uint32)
        self.image: np.ndarray | None = None
        self._iou: list[np.ndarray] = []
        self._class_ids: list[np.ndarray] = []
        self.hits = np.zeros(10)
        self.kept = self.count = self.blank = self.dropped = self.row = 0
        self.missed = 0.0

    @property
    def iou(self) -> np.ndarray:
        """Predicted IoU by label."""
        return np.concatenate(self._iou) if self._iou else np.zeros(0)

    def add_row(
        self, row: tuple[Sequence[Tile], Sequence[TileResult]]
    ) -> tuple[Sequence[Tile], Sequence[TileResult]]:
        for tile, result in zip(*row, strict=True):
            self.hits += result.hits
            self.kept += result.kept
            self.missed += result.missed
            self.blank += result.blank
            self.dropped += result.dropped
            thumbnail = result.thumbnail
            if self.image is None:
                self.image = np.zeros((*self.labels.shape, *thumbnail.shape[2:]), thumbnail.dtype)
            size = self.shape[0], self.shape[1]
            top, left = (-(-part.start // self.shrink) for part in clip(tile.inner, size))
            height, width = thumbnail.shape[:2]
            self.image[top : top + height, left : left + width] = thumbnail
        return row

    @property
    def class_ids(self) -> np.ndarray:
        """Number of the class by label, where the model knows classes."""
        return np.concatenate(self._class_ids) if self._class_ids else np.zeros(0, int)

    def add_table(self, rows: pd.DataFrame) -> None:
        self._iou.append(rows["predicted_iou"].to_numpy())
        if "class_id" in rows:
            self._class_ids.append(rows["class_id"].to_numpy())
        self.count += len(rows)

    def add_band(self, band: np.ndarray) -> None:
        picked = band[-self.row % self.shrink :: self.shrink, :: self.shrink]
        top = -(-self.row // self.shrink)
        self.labels[top : top + len(picked)] = picked
        self.row += len(band)
