"""One tile of a large image: from its pixels to the nuclei that may be its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import cv2
import numpy as np
import pandas as pd

from nucleisplit.images import Plane, as_real
from nucleisplit.measure import Measures, Regions, measure_alone
from nucleisplit.segmenter import Segmenter
from nucleisplit.tiled.pixel_runs import runs_of
from nucleisplit.tiled.survey import Survey, contrast
from stage1_unet import Progress, Tile
from stage2_trees import Forest

__all__ = ["TileResult", "clip", "digest_of", "move_table", "read_part", "segment_tile"]

_BLANK = 0.05
"""A tile whose brightest and darkest places differ by less, of the span of the image, is empty."""


@dataclass(frozen=True, eq=False)
class TileResult:
    """The nuclei of one tile that touch its inner part, none of them cut off by its edge."""

    runs: np.ndarray
    """(n, 4) int32: nucleus (its row in the table), row, first column, column after the last; in
    raster order."""
    table: pd.DataFrame
    """As of `measure_alone`, in pixels of the image; ``label`` is the row plus 1."""
    hits: np.ndarray
    """(10,) float64: hits to expect at each threshold among the nuclei with their centre in the
    inner part, those included that ``min_iou`` drops."""
    kept: int
    """How many these are."""
    missed: float
    """True nuclei to expect in the inner part where nothing was found."""
    dropped: int
    """How many with their centre in the inner part were dropped because of their class."""
    blank: bool
    """Whether the tile was empty, so that no network saw it."""
    thumbnail: np.ndarray
    """The inner part, each pixel the mean of a square of the image, for the picture of the run."""
    digest: str
    """`digest_of` what was read."""


def segment_tile(
    plane: Plane,
    tile: Tile,
    survey: Survey,
    segmenter: Segmenter,
    shrink: int = 1,
    progress: Progress | None = None,
) -> TileResult:
    """Find the nuclei of one tile.

    Parameters
    ----------
    plane
    tile
        From `plan_tiles`.
    survey
        Of the plane.
    segmenter
        The one that surveyed it.
    shrink
        Side of the squares that are averaged for the thumbnail; they begin at multiples of it.
    progress
        See `stage1_unet.Progress`.

    Raises
    ------
    InputError
        The tile cannot be read, or holds NaN or infinity.
    """
    height, width = plane.shape[:2]
    rows, columns = clip(tile.outer, (height, width))
    (top, bottom), (left, right) = (rows.start, rows.stop), (columns.start, columns.stop)
    measures = segmenter.measures
    pixels, channels = read_part(plane, (rows, columns), measures)
    digest = digest_of(pixels, channels)
    inner = clip(tile.inner, (height, width))
    thumbnail = _thumbnail(pixels, inner, (top, left), shrink)
    levels = survey.scalings[0].levels
    classes = segmenter.classes_at(levels)
    low, high = levels.spans[0]
    if high <= low or contrast(pixels) < _BLANK * (high - low):
        labels = np.zeros((1, 1), np.int32)
        pixel = (slice(1), slice(1))
        channels = None if channels is None else channels[pixel]
        none = np.zeros(0)
        table = measure_alone(labels, pixels[pixel], none, none, measures, channels=channels)
        if classes is not None:
            table = table.assign(**classes.tell(Regions.of(labels), pixels[pixel]).columns())
        nothing = np.zeros((0, 4), np.int32), table
        return TileResult(*nothing, np.zeros(10), 0, 0.0, 0, True, thumbnail, digest)
    beyond = [(0, part.stop - n) for part, n in zip(tile.outer, (bottom, right), strict=True)]
    padded = np.pad(pixels, (*beyond, *[(0, 0)] * (pixels.ndim - 2)), mode="symmetric")
    maps = segmenter.ensemble.predict_at(padded, survey.scalings, progress)
    maps = np.ascontiguousarray(maps[:, : bottom - top, : right - left])
    split = segmenter.split(maps, survey.overview)
    told, dropped = None, split.chosen[:0]
    if classes is not None:  # of all, also those cut off: what is around the others is as it is
        limits = segmenter.cut.class_min_iou, segmenter.cut.class_min_area
        split, told, dropped = classes.drop(split, pixels, *limits)

    own, gone = (
        _within(_centres(split.forest, some) + (top, left), inner) for some in (split.kept, dropped)
    )
    area = (bottom - top) * (right - left)
    share = np.prod([part.stop - part.start for part in inner]) / area

    labels, numbers = _whole_nuclei(split.labels, inner, (top, left), (height, width))
    given = split.predicted_iou[numbers - 1], split.threshold[numbers - 1]
    table = measure_alone(labels, pixels, *given, measures, channels=channels)
    if told is not None:
        table = table.assign(**told.rows(numbers - 1).columns())
    move_table(table, (top, left), (height, width))
    return TileResult(
        runs_of(labels, numbers, (top, left)),
        table,
        split.hits[own].sum(axis=0),
        int(own.sum()),
        split.missed * float(share),
        int(gone.sum()),
        False,
        thumbnail,
        digest,
    )


def read_part(
    plane: Plane, part: Sequence[slice], measures: Measures
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read the pixels of a part, and all channels of it where these are to be measured."""
    pixels = plane.read(*part)
    return pixels, plane.all_channels().read(*part) if measures.channels == "all" else None


def digest_of(*arrays: np.ndarray | None) -> str:
    """Tell apart pixels that differ."""
    digest = blake2b(digest_size=16)
    for pixels in arrays:
        if pixels is not None:
            digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def clip(part: tuple[slice, slice], shape: tuple[int, int]) -> list[slice]:
    """Return what of a part lies within the image."""
    return [slice(one.start, min(one.stop, n)) for one, n in zip(part, shape, strict=True)]


def move_table(table: pd.DataFrame, origin: tuple[int, int], shape: tuple[int, int]) -> None:
    """Make a table of a part, which begins at `origin`, one of its image, in place.

    Labels are numbered from 1 anew.
    """
    for axis, start in enumerate(origin):
        for column in (f"centroid-{axis}", f"bbox-{axis}", f"bbox-{axis + 2}"):
            table[column] += start
    height, width = shape
    first, last = table[["bbox-0", "bbox-1"]], table[["bbox-2", "bbox-3"]]
    table["touches_edge"] = (first == 0).any(axis=1) | (last == [height, width]).any(axis=1)
    table["label"] = np.arange(1, len(table) + 1)


def _centres(forest: Forest, candidates: np.ndarray) -> np.ndarray:
    """Middles of the boxes of candidates, (n, 2) float64."""
    node, step = forest.candidates.node[candidates], forest.candidates.step[candidates]
    box = forest.sums.box[node, step - 1]
    return (box[:, :2] + box[:, 2:]) / 2


def _within(points: np.ndarray, part: list[slice]) -> np.ndarray:
    """Which of (n, 2) points lie in a rectangle."""
    low, high = np.array([[one.start for one in part], [one.stop for one in part]])
    return ((points >= low) & (points < high)).all(axis=1)


def _whole_nuclei(
    labels: np.ndarray, inner: list[slice], origin: tuple[int, int], shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Remove nuclei that are cut off by an edge of the tile within the image, or touch no inner
    pixel; return the labels that are left, and their numbers, ascending."""
    keep = np.zeros(int(labels.max(initial=0)) + 1, bool)
    keep[
        labels[tuple(slice(s.start - at, s.stop - at) for s, at in zip(inner, origin, strict=True))]
    ] = True
    sides = [(labels[0], labels[-1]), (labels[:, 0], labels[:, -1])]
    for axis, (first, last) in enumerate(sides):
        if origin[axis]:
            keep[first] = False
        if origin[axis] + labels.shape[axis] < shape[axis]:
            keep[last] = False
    keep[0] = False
    return np.where(keep[labels], labels, 0), np.flatnonzero(keep)


def _thumbnail(
    pixels: np.ndarray, inner: list[slice], origin: tuple[int, int], shrink: int
) -> np.ndarray:
    """Means of squares around every pixel of the inner part whose place is a multiple."""
    if shrink > 1:
        real = as_real(pixels)
        pixels = cv2.blur(real, (shrink, shrink)).astype(pixels.dtype)
    picked = [
        slice(part.start + -part.start % shrink - start, part.stop - start, shrink)
        for part, start in zip(inner, origin, strict=True)
    ]
    return np.ascontiguousarray(pixels[tuple(picked)])
