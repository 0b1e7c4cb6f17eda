"""TIFF of every kind, whole slides included, read tile by tile."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

from nucleisplit.errors import InputError

from ..plane_choice import choose_scene
from .base import Index, Store
from .ome_xml import OmeImage, choose_ome_image, ome_images
from .tiff_metadata import channel_names, pixel_size, z_step
from .tiff_pages import check_pages
from .tiff_pixels import MissingPage, read_series

__all__ = ["TiffStore"]

_ALPHA = (1, 2)  # ExtraSamples: associated and unassociated alpha
_SLIDES = ("svs", "ndpi", "scn", "bif", "philips", "avs", "ndpi-like")


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

    def __init__(self, path: Path, scene: int | str | None = None, palette: bool = True) -> None:
        self._path = path
        self._tiff = tifffile.TiffFile(path)
        try:
            check_pages(self._tiff)
            self._image = None
            if self._tiff.is_ome and not self._tiff.is_mmstack:
                self._image, scene = self._choose_ome(path, scene)
            self._open(scene, palette)
        except BaseException:
            self._tiff.close()
            raise

    def _choose_ome(
        self, path: Path, scene: int | str | None
    ) -> tuple[OmeImage | None, int | str | None]:
        """Find the image that is meant in the OME-XML, and open the file as if it had no other."""
        images = ome_images(self._tiff.ome_metadata or "", path)
        placed = [image for image in images if image.has_pixels]
        if not placed:  # nothing says which pages are whose
            return (images[0] if len(images) == 1 else None), scene
        image = choose_ome_image(placed, scene)
        self._tiff.close()
        self._tiff = tifffile.TiffFile(path, omexml=image.alone())
        return image, None

    def _open(self, scene: int | str | None, palette: bool) -> None:
        images = [s for s in self._tiff.series if not s.keyframe.is_reduced]
        images = images or list(self._tiff.series)
        if not images:
            raise InputError("holds no image", "export it again")
        if images[0].kind in _SLIDES:
            images = images[:1]
        number = choose_scene(scene, [s.name for s in images])
        series = images[number]
        self._check_header(series)
        key = series.keyframe
        if key.dtype is None:
            raise InputError(
                f"is damaged, or its pixels of {key.bitspersample} bits cannot be read",
                "copy or export it again",
            )
        self._levels = list(series.levels)
        self._color = np.asarray(key.colormap) if palette and key.colormap is not None else None
        shapes = [tuple(level.shape) for level in self._levels]
        self.axes, self.dtype = series.axes, np.dtype(series.dtype)
        pixels = self._image.pixels if self._image else self._pixels_of(number)
        self.pixel_size = pixel_size(self._tiff, series, pixels)
        self.z_step = z_step(self._tiff, pixels)
        self.channels = channel_names(self._tiff, series, pixels)
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

    def _pixels_of(self, number: int) -> ElementTree.Element | None:
        """What the OME-XML says of an image of Micro-Manager, which has them in order."""
        if not (self._tiff.is_ome and self._tiff.is_mmstack):
            return None
        placed = [i for i in ome_images(self._tiff.ome_metadata or "", self._path) if i.has_pixels]
        return placed[number].pixels if number < len(placed) else None

    def _check_header(self, series: tifffile.TiffPageSeries) -> None:
        """Compare the planes that the header names with those that tifffile has found.

        It gives the first page alone where they contradict each other.
        """
        here = math.prod(series.shape)
        if self._image is not None and series.kind != "ome":
            named = math.prod(self._image.sizes().values())
        elif self._tiff.is_imagej:
            found = self._tiff.imagej_metadata or {}
            counts = [int(found.get(name, 1)) for name in ("frames", "slices", "channels")]
            if series.keyframe.samplesperpixel > 1:  # counted as channels by some programs
                counts[-1] = 1
            named = math.prod(counts) * math.prod(series.keyframe.shape)
        else:
            return
        if named > here:
            raise InputError(
                f"is truncated (its header names {named // max(here, 1)} times the pixels found)",
                "copy or export it again",
            )

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
        if series.dataoffset is not None and not series.is_multifile:
            return _read_block(series, index)
        try:
            return read_series(series, index)
        except MissingPage as error:
            raise self._missing(series, error.number) from None

    def stored_bytes(self, level: int, enough: int) -> int:
        pages = (page for page in self._levels[level].pages if page is not None)
        files = {page.parent.filehandle.path: page.parent.filehandle.size for page in pages}
        return sum(files.values())

    def _missing(self, series: tifffile.TiffPageSeries, number: int) -> InputError:
        samples = series.keyframe.samplesperpixel
        file = self._image and self._image.file_of_plane(number, samples)
        if file:
            return InputError(
                f"lacks {file}, which holds this plane", "put it into the same folder"
            )
        return InputError(
            f"is truncated (plane {number} of the {len(series)} in its header is not there)",
            "copy or export it again",
        )


def _read_block(series: tifffile.TiffPageSeries, index: Index) -> np.ndarray:
    """Read a part of planes that are one uncompressed block, only the first of which has a page."""
    file = series.keyframe.parent.filehandle
    kind = series.dtype.newbyteorder(series.keyframe.parent.byteorder)
    start = series.dataoffset
    if start is None or start + math.prod(series.shape) * kind.itemsize > file.size:
        raise InputError("is truncated", "copy or export it again")
    block = np.memmap(file.path, kind, "r", start, tuple(series.shape))
    return np.array(block[index])


def _is_unnamed_colour(axes: str, shape: tuple[int, ...]) -> bool:
    """Tell (H, W, C) arrays saved without naming the channels, which read as H pages of W x C.

    No image is three columns wide and a hundred pages deep.
    """
    return (
        len(shape) == 3 and axes[0] in "QI" and axes[1:] == "YX" and shape[2] <= 4 < min(shape[:2])
    )
