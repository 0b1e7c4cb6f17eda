"""TIFF of every kind, whole slides included, read tile by tile."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import tifffile

from nucleisplit.errors import InputError

from .planes import choose_scene
from .store import Index, Store
from .tiff_metadata import channel_names, pixel_size, z_step

__all__ = ["TiffStore"]

_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha
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
        self._series = series
        key = series.keyframe
        self._levels = list(series.levels)
        self._color = np.asarray(key.colormap) if palette and key.colormap is not None else None
        shapes = [tuple(level.shape) for level in self._levels]
        self.axes, self.dtype = series.axes, np.dtype(series.dtype)
        self.pixel_size = pixel_size(self._tiff, number)
        self.z_step = z_step(self._tiff, number)
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
        if not any(series.keyframe.databytecounts):
            raise InputError("is truncated", "copy or export it again")
        try:
            return self._decode(level, index)
        except Exception:
            if _end(series) > self._size:
                raise InputError("is truncated", "copy or export it again") from None
            raise

    def _decode(self, level: int, index: Index) -> np.ndarray:
        """Decode the tiles or strips that an index touches."""
        series = self._levels[level]
        if all(n == 1 or part == slice(0, n) for n, part in zip(series.shape, index, strict=True)):
            return series.asarray()[index]  # the ordinary case, for which zarr is not needed
        import zarr

        with self._series.aszarr(level=level) as store:
            return np.asarray(zarr.open(store, mode="r")[index])


def _end(series: tifffile.TiffPageSeries) -> int:
    """Where the last tile or strip of a series ends in the file."""
    ends = (
        offset + count
        for page in series.pages
        if page is not None
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    )
    return max(ends, default=0)


def _is_unnamed_colour(axes: str, shape: tuple[int, ...]) -> bool:
    """Tell (H, W, C) arrays saved without naming the channels, which read as H pages of W x C.

    No image is three columns wide and a hundred pages deep.
    """
    return (
        len(shape) == 3 and axes[0] in "QI" and axes[1:] == "YX" and shape[2] <= 4 < min(shape[:2])
    )
