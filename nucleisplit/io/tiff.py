"""TIFF of every kind, whole slides included, read tile by tile."""

from __future__ import annotations

import logging
import math
import threading
from functools import lru_cache
from pathlib import Path

import numpy as np
import tifffile

from nucleisplit.errors import InputError

from .planes import choose_scene
from .store import Index, Store
from .tiff_metadata import channel_names, pixel_size

__all__ = ["TiffStore"]

_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha
_JPEG = (6, 7, 34892, 33007)
_SLIDES = ("svs", "ndpi", "scn", "bif", "philips", "avs", "ndpi-like")

# Without a handler, tifffile's remarks on odd tags would end up on the terminal.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class TiffStore(Store):
    """One image of a TIFF file, with its pyramid.

    Parameters
    ----------
    path : Path
    scene : int, optional
        Which image of a file that holds several. Thumbnails and the labels of whole slides do not
        count.
    palette : bool
        Apply the colour map of a palette image; otherwise its indices are the pixels.

    Raises
    ------
    InputError
        The file holds several images and `scene` is None, or fewer. The message names no path.
        Damaged files raise whatever tifffile raises.
    """

    def __init__(self, path: Path, scene: int | None = None, palette: bool = True) -> None:
        self._size = path.stat().st_size
        self._path = path
        self._lock = threading.Lock()
        self._tiff = tifffile.TiffFile(path)
        try:
            self._open(scene, palette)
        except BaseException:
            self._tiff.close()
            raise

    def _open(self, scene: int | None, palette: bool) -> None:
        images = [(i, s) for i, s in enumerate(self._tiff.series) if not s.keyframe.is_reduced]
        images = images or list(enumerate(self._tiff.series))
        if not images:
            raise InputError("holds no image", "export it again")
        if images[0][1].kind in _SLIDES:
            images = images[:1]
        number, series = images[choose_scene(scene, [s.name for _, s in images])]
        key = series.keyframe
        self._levels = list(series.levels)
        self._color = np.asarray(key.colormap) if palette and key.colormap is not None else None
        shapes = [tuple(level.shape) for level in self._levels]
        self.axes, self.dtype = series.axes, np.dtype(series.dtype)
        self.pixel_size = pixel_size(self._tiff, number)
        self.channels = channel_names(self._tiff, number, series)
        extra = [int(kind) for kind in key.extrasamples]
        colour = int(key.photometric) in (2, 6)
        self.alpha = bool(extra) and (extra[-1] in _ALPHA or (colour and key.samplesperpixel == 4))
        if _is_unnamed_colour(self.axes, shapes[0]):
            self.axes = "YXS"
        if self._color is not None and "S" not in self.axes:
            self.axes, self.dtype = self.axes + "S", np.dtype(np.uint8)
            shapes = [(*shape, 3) for shape in shapes]
        else:
            self._color = None
        self.shapes = tuple(shapes)

    def close(self) -> None:
        self._tiff.close()

    def read(self, level: int, index: Index) -> np.ndarray:
        if self._color is None:
            return self._read(level, index)
        indices = self._read(level, index[:-1])
        colors = np.moveaxis(self._color, 0, -1)[indices] >> 8
        return colors.astype(np.uint8)[..., index[-1]]

    def _read(self, level: int, index: Index) -> np.ndarray:
        series = self._levels[level]
        offset = series.dataoffset
        if offset is not None:  # one uncompressed block
            kind = series.dtype.newbyteorder(self._tiff.byteorder)
            if offset + math.prod(series.shape) * kind.itemsize > self._size:
                raise InputError("is truncated", "copy or export it again")
            block = np.memmap(self._path, kind, "r", offset, tuple(series.shape))
            return np.array(block[index])
        planes = _plane_shape(series)
        if planes is None:
            return self._whole(level)[index]
        across = len(planes)
        outer, inner = index[:across], index[across:]
        starts = [(p,) if isinstance(p, int) else range(p.start, p.stop) for p in outer]
        numbers = np.arange(math.prod(planes)).reshape(planes)[np.ix_(*starts)] if planes else 0
        axes = series.axes[across:]
        pages = [self._read_page(series.pages[n], series, axes, inner) for n in np.ravel(numbers)]
        kept = [
            len(places) for places, p in zip(starts, outer, strict=True) if isinstance(p, slice)
        ]
        return np.stack(pages).reshape(*kept, *pages[0].shape)

    def _read_page(self, page, series, axes: str, index: Index) -> np.ndarray:
        """Decode the tiles or strips of one page that the region touches."""
        where = dict(zip(axes, index, strict=True))
        rows, columns = where["Y"], where["X"]
        key = series.keyframe
        separate, _, height, width, samples = key.shaped
        shape = (separate, rows.stop - rows.start, columns.stop - columns.start, samples)
        out = np.zeros(shape, series.dtype)
        if page is not None:
            if not any(page.databytecounts):
                raise InputError("is truncated", "copy or export it again")
            tall = key.tilelength if key.is_tiled else min(key.rowsperstrip, height)
            wide = key.tilewidth if key.is_tiled else width
            if key.compression in _JPEG and not key.is_tiled:  # NDPI: strips cut at restart markers
                tall, wide = key.chunks[:2] if separate == 1 else key.chunks[-2:]
            down, across = -(-height // tall), -(-width // wide)
            for s in range(separate):
                for i in range(rows.start // tall, -(-rows.stop // tall)):
                    for j in range(columns.start // wide, -(-columns.stop // wide)):
                        tile = self._decode(page, key, (s * down + i) * across + j)
                        if tile is not None:
                            _paste(out[s], tile, i * tall - rows.start, j * wide - columns.start)
        planar = dict(zip("SYXs", out.shape, strict=True))
        order = [letter if letter != "S" or separate > 1 else "s" for letter in axes]
        drop = tuple(i for i, letter in enumerate("SYXs") if letter not in order)
        if any(planar["SYXs"[i]] != 1 for i in drop):
            raise InputError(f"has samples that its axes {axes} do not name", "export it again")
        left = [letter for letter in "SYXs" if letter in order]
        pixels = out.squeeze(drop).transpose([left.index(letter) for letter in order])
        return pixels[tuple(slice(None) if a in "YX" else where[a] for a in axes)]

    def _decode(self, page, key, number: int) -> np.ndarray | None:
        """Return the pixels of one tile, (h, w, samples); None for one that was never written."""
        offset, count = page.dataoffsets[number], page.databytecounts[number]
        if not count:
            return None
        if offset + count > self._size:
            raise InputError("is truncated", "copy or export it again")
        with self._lock:
            self._tiff.filehandle.seek(offset)
            data = self._tiff.filehandle.read(count)
        options = {}
        if key.compression in _JPEG:
            options = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}
        return page.decode(data, number, _fullsize=False, **options)[0][0]

    @lru_cache(maxsize=1)  # noqa: B019  (dropped with the store)
    def _whole(self, level: int) -> np.ndarray:
        """Decode everything, for layouts that have no plane a page."""
        return self._levels[level].asarray()


def _paste(out: np.ndarray, tile: np.ndarray, top: int, left: int) -> None:
    """Copy what of a tile lies within the region."""
    rows = slice(max(top, 0), min(top + tile.shape[0], out.shape[0]))
    columns = slice(max(left, 0), min(left + tile.shape[1], out.shape[1]))
    out[rows, columns] = tile[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]


def _plane_shape(series) -> tuple[int, ...] | None:
    """Lengths of the dimensions that run over pages; None if pages are not planes of the series."""
    key, shape = series.keyframe, tuple(series.shape)
    if key.shaped[1] != 1 or shape[len(shape) - len(key.shape) :] != tuple(key.shape):
        return None
    outer = shape[: len(shape) - len(key.shape)]
    named = {"Y", "X"} <= set(series.axes[len(outer) :])
    return outer if named and math.prod(outer) == len(series.pages) else None


def _is_unnamed_colour(axes: str, shape: tuple[int, ...]) -> bool:
    """Tell (H, W, C) arrays saved without naming the channels, which read as H pages of W x C.

    No image is three columns wide and a hundred pages deep.
    """
    return (
        len(shape) == 3 and axes[0] in "QI" and axes[1:] == "YX" and shape[2] <= 4 < min(shape[:2])
    )
