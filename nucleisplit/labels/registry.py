"""The label formats by name: how their files end, how they are written and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nucleisplit.endings import ENDINGS, ending_of
from nucleisplit.errors import ConfigError
from nucleisplit.images import Plane, PlaneChoice

from .arrays import read_array, write_array
from .coco import read_coco, read_coco_classes, read_coco_images, write_coco, write_coco_polygons
from .common import Shape
from .geojson import read_geojson, read_geojson_classes, write_geojson
from .geoparquet import need_geoparquet, read_geoparquet, write_geoparquet
from .hovernet import is_hovernet, read_hovernet, read_hovernet_classes, write_hovernet
from .imagej_roi import read_roi, read_roi_classes, write_roi
from .label_check import check_label_image, warn_of_background
from .label_stream import LabelStream, as_stream
from .ome_tiff import write_ome_tiff
from .ome_zarr import write_ome_zarr, write_ome_zarr_old
from .ome_zarr_groups import newest
from .spatialdata import need_spatialdata, read_spatialdata, write_spatialdata
from .submission import read_submission, read_submissions, write_submission
from .tiff import read_labels, smallest_type, write_label_bands, write_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FORMATS",
    "Format",
    "format_of",
    "get_format",
    "read_label_file",
    "write_as",
]


_JSON = ".json"
"""COCO by this ending, unless it begins as a file of HoVer-Net does."""


def _read_image(
    path: str | Path, shape: Shape | None = None, choice: PlaneChoice | None = None
) -> np.ndarray:
    return check_label_image(Path(path), read_labels(path, choice))


def _read_array(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    return check_label_image(Path(path), read_array(path, shape))


def _write_tiff(path, labels, table=None, overwrite=False) -> None:
    stream, in_bands = as_stream(labels)
    if in_bands:
        dtype = smallest_type(stream.largest)
        return write_label_bands(path, stream.shape, stream.bands(), overwrite, dtype)
    write_labels(path, labels, overwrite)


def _need_nothing() -> None:
    pass


@dataclass(frozen=True)
class Format:
    """One way to keep a label image in a file."""

    name: str
    """What the user calls it."""
    write: Callable[..., None]
    """``write(path, labels, table=None, overwrite=False)``."""
    read: Callable[..., np.ndarray]
    """``read(path, shape=None)`` gives (H, W) int32; shape is that of the image."""
    sized: bool = False
    """Whether `write` takes ``pixel_size=``."""
    pictured: Literal["never", "asked", "always"] = "never"
    """Whether `write` takes ``image=``, the plane that was segmented: where that is asked for, or
    always."""
    read_classes: Callable[[str | Path], dict[int, str]] | None = None
    """``read_classes(path)`` gives the classes of the nuclei that have one, by label."""
    read_several: Callable[..., dict[str, Callable[..., np.ndarray]]] | None = None
    """``read_several(path)`` gives what reads each image of a file of several, by stem; none where
    it is about one."""
    need: Callable[[], object] = _need_nothing
    """Raises `ConfigError` where a library is missing."""

    @property
    def ending(self) -> str:
        """How its files are called: the name of the image and this."""
        return ENDINGS[self.name][0]


FORMATS = {
    entry.name: entry
    for entry in (
        Format("ome-tiff", write_ome_tiff, _read_image, sized=True),
        Format("ome-zarr", write_ome_zarr, _read_image, sized=True, need=newest, pictured="asked"),
        Format("ome-zarr-0.4", write_ome_zarr_old, _read_image, sized=True, pictured="asked"),
        Format("tiff", _write_tiff, _read_image),
        Format("numpy", write_array, _read_array),
        Format("geojson", write_geojson, read_geojson, read_classes=read_geojson_classes),
        Format("geojson-gz", write_geojson, read_geojson, read_classes=read_geojson_classes),
        Format("geoparquet", write_geoparquet, read_geoparquet, need=need_geoparquet),
        Format("roi", write_roi, read_roi, read_classes=read_roi_classes),
        Format(
            "coco",
            write_coco,
            read_coco,
            read_classes=read_coco_classes,
            read_several=read_coco_images,
        ),
        Format(
            "coco-polygons",
            write_coco_polygons,
            read_coco,
            read_classes=read_coco_classes,
            read_several=read_coco_images,
        ),
        Format("hovernet", write_hovernet, read_hovernet, read_classes=read_hovernet_classes),
        Format(
            "spatialdata",
            write_spatialdata,
            read_spatialdata,
            sized=True,
            pictured="always",
            need=need_spatialdata,
        ),
        Format("submission", write_submission, read_submission, read_several=read_submissions),
    )
}
"""All formats, by name."""


def get_format(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    ConfigError
        There is none of that name, or a library that it needs is missing.
    """
    if name not in FORMATS:
        raise ConfigError(f"no format is called {name!r}", f"choose of {', '.join(FORMATS)}")
    FORMATS[name].need()
    return FORMATS[name]


def write_as(
    name: str,
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    pixel_size: float | tuple[float, float] | None = None,
    overwrite: bool = False,
    image: Plane | None = None,
) -> None:
    """Write labels in the format of a name, with the pixel size (um) where it holds one, and with
    the image, if that is given, where it takes one.

    A `LabelStream` has a table of its own.
    """
    entry = get_format(name)
    options: dict[str, Any] = {"pixel_size": pixel_size} if entry.sized else {}
    options |= {"image": image} if entry.pictured != "never" else {}
    entry.write(path, labels, table, overwrite, **options)


def format_of(path: str | Path) -> Format | None:
    """Return the format that the ending of a file tells, if any; of JSON, its beginning.

    >>> format_of("a.rois.zip").name, format_of("a.PNG").name, format_of("a.txt")
    ('roi', 'tiff', None)
    """
    ending = ending_of(path)
    if ending == _JSON and is_hovernet(path):
        return FORMATS["hovernet"]
    return next((FORMATS[name] for name, known in ENDINGS.items() if ending in known), None)


def read_label_file(
    path: str | Path, shape: Shape | None = None, choice: PlaneChoice | None = None
) -> np.ndarray:
    """Read labels in any of the formats, told by the ending; others are tried as images.

    Parameters
    ----------
    path : str or Path
    shape : (int, int), optional
        Rows and columns of the image, for formats that do not hold them. Those that do are
        checked, but for label images.
    choice : PlaneChoice, optional
        Which plane of a label image that holds more than one.

    Returns
    -------
    (H, W) int32 ndarray

    Raises
    ------
    InputError
        The file cannot be read, fits another image, or is a photograph.

    Warns
    -----
    InputWarning
        What is read may not be what was meant: a mask, a region among nuclei, or something in the
        file was passed over.
    """
    entry = format_of(path)
    if entry is None or entry.read is _read_image:
        labels = _read_image(path, shape, choice)
    else:
        labels = entry.read(path, shape)
    return warn_of_background(Path(path), labels)
