"""A zip of ImageJ regions of interest, as the ROI Manager of ImageJ and Fiji opens it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.io.atomic import replacing
from nucleisplit.io.readers import read_bytes
from nucleisplit.io.writers import check_labels

from .common import Shape, paint, settle_numbers, settle_shape
from .outlines import trace_outlines

if TYPE_CHECKING:
    import pandas as pd
    from roifile import ImagejRoi

__all__ = ["read_roi", "write_roi"]

_LIMIT = 32767
"""ImageJ keeps the bounds of a region as 16-bit integers."""

_MOVE, _LINE, _CLOSE = 0, 1, 4
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same labels give the same bytes


def write_roi(
    path: str | Path,
    labels: np.ndarray,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write one region per nucleus, named by its label; those with holes or pieces as composites.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray
        0 = background; not negative; at most 32767 rows and columns.
    table : DataFrame, optional
        Not used: regions hold no measurements.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    InputError
        The image is too large for the format.
    ValueError
        The array is not a label image.
    """
    labels = check_labels(labels)
    if max(labels.shape) > _LIMIT:
        raise InputError(
            f"{path}: ImageJ regions cannot hold {labels.shape[0]}x{labels.shape[1]} pixels",
            "write GeoJSON",
        )
    outlines = trace_outlines(labels)
    with (
        replacing(path, overwrite) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        # ImageJ does not look at the comment; the size makes the file complete without its image
        size = {"height": labels.shape[0], "width": labels.shape[1]}
        archive.comment = json.dumps(size).encode()
        for number, pieces in zip(outlines.labels.tolist(), outlines.pieces, strict=True):
            name = f"{number:06d}"
            data = _region([ring for piece in pieces for ring in piece], name).tobytes()
            archive.writestr(zipfile.ZipInfo(f"{name}.roi", _EPOCH), data, zipfile.ZIP_DEFLATED)


def read_roi(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read areas (polygons, rectangles, ovals, composites) into a label image.

    Parameters
    ----------
    path : str or Path
        A zip of ``.roi`` files. A pixel that several areas claim goes to the smallest.
    shape : (int, int), optional
        Rows and columns of the image, where the file does not say.

    Returns
    -------
    (H, W) int32 ndarray
        Numbered by the names of the regions where all are distinct numbers, else 1..n.

    Raises
    ------
    InputError
        The file cannot be read, holds lines or points, a region outside the image, or the size of
        the image is unknown or differs.
    """
    from roifile import ImagejRoi

    path = Path(path)
    objects, names = [], []
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            stored = _size(archive.comment)
            for entry in archive.namelist():
                if not entry.lower().endswith(".roi"):
                    continue
                objects.append(_rings(ImagejRoi.frombytes(archive.read(entry)), entry))
                stem = Path(entry).stem
                names.append(int(stem) if stem.isdecimal() else None)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from None
    except Exception as error:  # damaged archives and regions raise dozens of types
        raise InputError(
            f"{path}: is no zip of ImageJ regions ({str(error) or type(error).__name__})",
            "save it again with the ROI Manager",
        ) from error
    return paint(path, settle_shape(path, stored, shape), objects, settle_numbers(names))


def _region(rings: list[np.ndarray], name: str) -> ImagejRoi:
    from roifile import ROI_TYPE, ImagejRoi

    region = ImagejRoi.frompoints(rings[0], name=name)
    if len(rings) == 1:
        region.roitype = ROI_TYPE.TRACED
        return region
    steps = []
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


def _rings(region: ImagejRoi, entry: str) -> list[np.ndarray]:
    from roifile import ROI_TYPE

    areas = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED, ROI_TYPE.RECT, ROI_TYPE.OVAL)
    rings = [np.asarray(ring) for ring in region.coordinates(multi=True)]
    rings = [ring for ring in rings if ring.ndim == 2 and len(ring)]
    if region.roitype not in areas or not rings:
        raise InputError(
            f"{entry} is no area (type {region.roitype.name.lower()})", "keep areas only"
        )
    return rings


def _size(comment: bytes) -> Shape | None:
    try:
        size = json.loads(comment)
        return int(size["height"]), int(size["width"])
    except (ValueError, KeyError, TypeError):
        return None
