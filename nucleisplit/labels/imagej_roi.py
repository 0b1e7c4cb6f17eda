"""A zip of ImageJ regions of interest, as the ROI Manager of ImageJ and Fiji opens it."""

from __future__ import annotations

import io
import json
import logging
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from nucleisplit.errors import InputError, InputWarning
from nucleisplit.files import read_bytes, replacing
from nucleisplit.names import brief
from nucleisplit.palette import Color

from .class_map import find_class_map
from .classes import classes_by_label
from .common import Shape, paint, settle_numbers, settle_shape, whole_numbers
from .label_stream import LabelStream, as_stream
from .outlines import trace_outlines

if TYPE_CHECKING:
    import pandas as pd
    from roifile import ImagejRoi

__all__ = ["check_roi_size", "read_roi", "read_roi_classes", "write_roi"]

_LIMIT = 32767
"""ImageJ keeps the bounds of a region as 16-bit integers."""

logging.getLogger("roifile").addHandler(logging.NullHandler())  # what it tells is told by us

_MAGIC = b"Iout"
"""A region begins so, in a zip and without."""
_LARGEST = 2**24
"""Bytes of a region: no nucleus has as many corners."""
_PACKED = 64
"""To how many bytes of regions a byte of a zip unpacks at most."""
_DIGITS = 11
_GROUPS = 255
"""The highest group of a region."""
_CLASS = "class"
"""Property of a region that names its class."""

_MOVE, _LINE, _CLOSE = 0, 1, 4
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same labels give the same bytes


def write_roi(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write one region per nucleus, named by its label; those with holes or pieces as composites.

    A class is the region's group, a number from 1, the colour of its stroke, and its property
    ``class``, which ImageJ shows among the region's properties.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative; at most 32767 rows and columns.
    table : DataFrame, optional
        Of it, the class of each nucleus; regions hold no measurements.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    InputError
        The image is too large for the format.
    ValueError
        The array is not a label image.
    """
    stream, _ = as_stream(labels, table)
    check_roi_size(path, stream.shape)
    with (
        replacing(path, overwrite) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        # ImageJ does not look at the comment; the size makes the file complete without its image
        size = {"height": stream.shape[0], "width": stream.shape[1]}
        archive.comment = json.dumps(size).encode()
        for part_of_image in stream.pieces():
            outlines = trace_outlines(part_of_image.labels, part_of_image.top)
            classes = classes_by_label(part_of_image.table)
            for number, pieces in zip(outlines.labels.tolist(), outlines.pieces, strict=True):
                name = f"{number:06d}"
                region = _region([ring for piece in pieces for ring in piece], name)
                if number in classes:
                    _classify(region, classes[number], stream.classes)
                data = region.tobytes()
                info = zipfile.ZipInfo(f"{name}.roi", _EPOCH)
                archive.writestr(info, data, zipfile.ZIP_DEFLATED)


def check_roi_size(path: str | Path, shape: Shape) -> None:
    """Refuse an image that is too large for regions of ImageJ."""
    if max(shape) > _LIMIT:
        raise InputError(
            f"{path}: ImageJ regions cannot hold {shape[0]}x{shape[1]} pixels", "write GeoJSON"
        )


def _classify(region: ImagejRoi, name: str, classes: Mapping[str, Color]) -> None:
    number = list(classes).index(name) + 1
    region.group = number if number <= _GROUPS else 0
    region.stroke_color = bytes((255, *classes[name]))
    region.props = f"{_CLASS}: {name}\n"


def read_roi(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read areas (polygons, rectangles, ovals, composites) into a label image.

    Parameters
    ----------
    path : str or Path
        A zip of ``.roi`` files, or one such file. What is no area is passed over, and so is what
        the Finder of macOS adds. A pixel that several areas claim goes to the smallest.
    shape : (int, int), optional
        Rows and columns of the image, where the file does not say.

    Returns
    -------
    (H, W) int32 ndarray
        Numbered by the names of the regions where all are distinct numbers, else 1..n.

    Raises
    ------
    InputError
        The file cannot be read, holds no area, areas of several slices of a stack, or one outside
        the image, or the size of the image is unknown or differs.

    Warns
    -----
    InputWarning
        Lines, points or texts were passed over.
    """
    path = Path(path)
    areas, stored = _areas(path)
    objects = [rings for _, _, rings in areas]
    return paint(path, settle_shape(path, stored, shape), objects, _numbers(areas))


def read_roi_classes(path: str | Path) -> dict[int, str]:
    """Read the class of every area that has one, by its label.

    It is the property ``class``; else the group, whose name is that of the class map beside the
    file, see `find_class_map`, or ``group 1`` and so on without one.

    Raises
    ------
    InputError
        As of `read_roi`, and for a group that is not in the class map.
    """
    path = Path(path)
    areas, _ = _areas(path)
    names = find_class_map(path.parent)
    found = {}
    for number, (_, region, _) in zip(_numbers(areas).tolist(), areas, strict=True):
        pairs = (line.partition(":") for line in region.props.splitlines())
        name = next((value.strip() for key, _, value in pairs if key.strip() == _CLASS), "")
        if not name and region.group:
            name = names.name_of(region.group, path) if names else f"group {region.group}"
        if name:
            found[number] = name
    return found


_Area = tuple[str, "ImagejRoi", list[np.ndarray]]
"""The name of its file, the region, and its rings."""


def _areas(path: Path) -> tuple[list[_Area], Shape | None]:
    """Return the areas of a file, and the size of its image where it says it."""
    from roifile import ImagejRoi

    data = read_bytes(path)
    stored = None
    try:
        if data.startswith(_MAGIC):
            regions = {path.name: ImagejRoi.frombytes(data)}
        else:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                stored = _size(archive.comment)
                entries = [entry for entry in archive.infolist() if _is_region(entry)]
                if (size := sum(e.file_size for e in entries)) > _LARGEST + _PACKED * len(data):
                    raise ValueError(f"its regions are to have {size} bytes")
                regions = {e.filename: ImagejRoi.frombytes(archive.read(e)) for e in entries}
        found = [(name, region, _rings(region)) for name, region in regions.items()]
    except Exception as error:  # damaged archives and regions raise dozens of types
        raise InputError(
            f"{path}: is damaged, or is no zip of ImageJ regions "
            f"({brief(error) or type(error).__name__})",
            "save it again with the ROI Manager",
        ) from error
    areas = [each for each in found if each[2]]
    _tell_others(path, [region for _, region, rings in found if not rings], bool(areas))
    _check_slices(path, [region for _, region, _ in areas])
    return areas, stored


def _numbers(areas: list[_Area]) -> np.ndarray:
    stems = [Path(name).stem for name, _, _ in areas]
    return settle_numbers(
        [int(stem) if stem.isdecimal() and len(stem) < _DIGITS else None for stem in stems]
    )


def _is_region(entry: zipfile.ZipInfo) -> bool:
    """Tell the regions of a zip from what else is in it; `ValueError` for one of absurd size."""
    name = entry.filename.replace("\\", "/")
    is_finders = name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")
    if is_finders or not name.lower().endswith(".roi"):
        return False
    if entry.file_size > _LARGEST:
        raise ValueError(f"{name} is to have {entry.file_size} bytes")
    return True


def _tell_others(path: Path, others: list[ImagejRoi], has_areas: bool) -> None:
    if not others:
        return
    counts = Counter(region.roitype.name.lower() for region in others)
    named = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    if not has_areas:
        raise InputError(f"{path}: holds no area, only {named}", "save outlines of the nuclei")
    warnings.warn(
        f"{path}: passed over, as no areas: {named}; outline what is a nucleus",
        InputWarning,
        stacklevel=3,
    )


def _check_slices(path: Path, regions: list[ImagejRoi]) -> None:
    """Refuse regions of several slices or times; 0 is a region of all of them."""
    slices = {(_slice(region), region.t_position) for region in regions}
    for place, axis in enumerate(("slices", "times")):
        if len(numbers := sorted({each[place] for each in slices} - {0})) > 1:
            raise InputError(
                f"{path}: holds regions of {len(numbers)} {axis} of a stack "
                f"({numbers[0]}, {numbers[1]}{', ...' if len(numbers) > 2 else ''})",
                "save those of one",
            )


def _slice(region: ImagejRoi) -> int:
    """The slice of a region, which has a place of its own where there are channels or times too."""
    in_hyperstack = region.c_position or region.z_position or region.t_position
    return region.z_position if in_hyperstack else region.position


def _region(rings: list[np.ndarray], name: str) -> ImagejRoi:
    from roifile import ROI_TYPE, ImagejRoi

    region = ImagejRoi.frompoints(rings[0], name=name)
    if len(rings) == 1:
        region.roitype = ROI_TYPE.TRACED
        return region
    steps: list[ArrayLike] = []
    for ring in rings:
        path = np.insert(ring, 0, _LINE, axis=1).ravel()
        path[0] = _MOVE
        steps += [path, [_CLOSE]]
    (left, top), (right, bottom) = _bounds(rings)
    region.roitype = ROI_TYPE.RECT
    region.left, region.top, region.right, region.bottom = left, top, right, bottom
    region.integer_coordinates, region.n_coordinates = None, 0
    region.multi_coordinates = np.concatenate(steps).astype(np.float32)
    region.shape_roi_size = region.multi_coordinates.size
    return region


def _bounds(rings: list[np.ndarray]) -> list[list[int]]:
    points = np.concatenate(rings)
    return [points.min(axis=0).tolist(), points.max(axis=0).tolist()]


def _rings(region: ImagejRoi) -> list[np.ndarray]:
    """Return the rings of an area; none of what is no area, or encloses nothing."""
    from roifile import ROI_TYPE

    areas = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL)
    if region.roitype not in areas:
        return []
    rings = [np.asarray(ring) for ring in region.coordinates(multi=True)]
    return [ring for ring in rings if ring.ndim == 2 and len(ring)]


def _size(comment: bytes) -> Shape | None:
    try:
        size = json.loads(comment)
        height, width = whole_numbers([size["height"], size["width"]]).tolist()
        return height, width
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
