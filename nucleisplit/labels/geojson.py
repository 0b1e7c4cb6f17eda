"""GeoJSON as QuPath reads it: detections with class and measurements, coordinates in pixels.

Structure: RFC 7946 for the geometry; ``objectType``, ``classification`` and ``measurements`` as
QuPath (0.4 and later) exports them.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from nucleisplit.endings import ending_of
from nucleisplit.errors import InputError, InputWarning
from nucleisplit.files import load_json, replacing
from nucleisplit.names import brief

from .classes import classes_by_label
from .common import Shape, measurement_texts, paint, settle_numbers, settle_shape, whole_numbers
from .label_stream import LabelStream, as_stream
from .outlines import trace_outlines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_geojson", "read_geojson_classes", "write_geojson"]

NO_CLASS = "Nucleus"
"""What nuclei without a class are called, as QuPath does."""
_COLOUR = (0, 170, 255)

_LEVEL = 1
"""Of gzip: the fastest."""

_NUCLEI = ("detection", "cell")
"""Objects of QuPath that are nuclei, or have one."""
_DRAWN = ("annotation", "unknown")
"""Those that are nuclei where a file holds none of the former: outlined by hand."""
_KINDS = {
    "PathDetectionObject": "detection",
    "PathCellObject": "cell",
    "PathAnnotationObject": "annotation",
    "PathTileObject": "tile",
    "TMACoreObject": "tma_core",
    "PathRootObject": "root",
}
"""What QuPath 0.2 wrote as ``id`` instead."""


def write_geojson(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write one detection per nucleus, outlined along the edges of its pixels.

    Parameters
    ----------
    path : str or Path
        Packed with gzip where it ends in ``.gz``.
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Measurements by the column ``label``, as in `Segmentation.table`.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        The array is not a label image.
    """
    stream, _ = as_stream(labels, table)
    size = {"height": stream.shape[0], "width": stream.shape[1]}
    with replacing(path, overwrite) as part, _open(part, ending_of(path)) as file:
        file.write(
            '{"type":"FeatureCollection","nucleisplit":' + json.dumps(size) + ',"features":['
        )
        begin = "\n"
        for piece in stream.pieces():
            outlines = trace_outlines(piece.labels, piece.top)
            measured = measurement_texts(outlines.labels, piece.table)
            classes = classes_by_label(piece.table)
            rows = zip(outlines.labels.tolist(), outlines.pieces, measured, strict=True)
            for label, rings, row in rows:
                name = classes.get(label, NO_CLASS)
                kind = {"name": name, "color": stream.classes.get(name, _COLOUR)}
                geometry = _compact(_geometry(rings))
                file.write(f'{begin}{{"type":"Feature","geometry":{geometry},"properties":{{')
                file.write(f'"objectType":"detection","classification":{_compact(kind)},')
                file.write(f'"measurements":{row}}}}}')
                begin = ",\n"
        file.write("\n]}\n")


@contextmanager
def _open(path: Path, ending: str) -> Iterator[TextIO]:
    """Open a text for writing, packed where the ending says so; the same text, the same bytes."""
    with path.open("wb") as file, ExitStack() as stack:
        target: Any = file
        if ending.endswith(".gz"):
            target = stack.enter_context(GzipFile("", "wb", _LEVEL, file, mtime=0))
        yield stack.enter_context(TextIOWrapper(target, "utf-8", newline="\n"))


def read_geojson(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read polygons into a label image: ours exactly, any others by the centres of their pixels.

    Parameters
    ----------
    path : str or Path
        A FeatureCollection, a list of features, or one feature. Of QuPath's objects, detections are
        nuclei, and so are the nuclei of cells; annotations only where there are neither; tiles,
        cores of tissue arrays and the root never. Objects inside others (``childObjects``) count
        like those beside them. Points and lines are passed over. A pixel that several polygons
        claim goes to the smallest; a ring that crosses itself encloses what lies inside an odd
        number of its loops.
    shape : (int, int), optional
        Rows and columns of the image, where the file does not say.

    Returns
    -------
    (H, W) int32 ndarray
        Numbered by the measurement ``label`` where all have one, else 1..n.

    Raises
    ------
    InputError
        The file cannot be read, is no GeoJSON, holds a polygon outside the image or nuclei of
        several planes, or the size of the image is unknown or differs.

    Warns
    -----
    InputWarning
        Objects were passed over, or a cell has no outline of its nucleus and that of the cell was
        taken.
    """
    path = Path(path)
    nuclei, stored = _read(path)
    if len(planes := sorted({each.plane for each in nuclei})) > 1:
        (z, t), (other_z, other_t) = planes[:2]
        raise InputError(
            f"{path}: holds outlines of {len(planes)} planes (z={z}, t={t} and z={other_z}, "
            f"t={other_t}{', ...' if len(planes) > 2 else ''})",
            "export those of one plane",
        )
    numbers = settle_numbers([each.number for each in nuclei])
    shape = settle_shape(path, stored, shape)
    return paint(path, shape, [each.rings for each in nuclei], numbers)


def read_geojson_classes(path: str | Path) -> dict[int, str]:
    """Read the class of every nucleus that has one (``classification.name``), by its label.

    Labels are those that `read_geojson` gives. `InputError` as there.
    """
    nuclei, _ = _read(Path(path))
    numbers = settle_numbers([each.number for each in nuclei]).tolist()
    named = zip(numbers, nuclei, strict=True)
    return {number: each.class_name for number, each in named if each.class_name}


def _read(path: Path) -> tuple[list[_Object], Shape | None]:
    """Return the nuclei of a file, and the size of its image where it says it."""
    content = load_json(path, "GeoJSON")
    try:
        objects = list(_parse(content))
        stored = _size(content)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InputError(
            f"{path}: is damaged, or is not GeoJSON ({type(error).__name__}: {brief(error)})",
            "export it again",
        ) from None
    return _choose(path, objects), stored


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _geometry(pieces: list[list[np.ndarray]]) -> dict[str, Any]:
    polygons = [[_closed(ring) for ring in piece] for piece in pieces]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _closed(ring: np.ndarray) -> list[list[int]]:
    points = ring.tolist()
    return [*points, points[0]]


@dataclass(frozen=True)
class _Object:
    """An object of a file: what it is, and its outline; no rings where it encloses nothing."""

    kind: str
    """As QuPath calls it; empty where it does not say."""
    rings: list[np.ndarray]
    number: Any
    plane: tuple[int, int]
    """Its z and t."""
    class_name: str
    """Empty where it has none."""
    lacks_nucleus: bool = False


def _choose(path: Path, objects: list[_Object]) -> list[_Object]:
    """Return the nuclei among the objects, and say what else there is."""
    wanted = ("", *_NUCLEI)
    if not any(each.kind in _NUCLEI for each in objects):
        wanted = ("", *_DRAWN)
    passed = Counter(brief(each.kind) for each in objects if each.kind not in wanted)
    passed["without area"] = sum(each.kind in wanted and not each.rings for each in objects)
    named = [f"{count} {kind}" for kind, count in passed.items() if count]
    if named:
        _warn(
            f"{path}: passed over, as no nuclei: {', '.join(named)}; a nucleus has to be a "
            "detection with an outline"
        )
    nuclei = [each for each in objects if each.kind in wanted and each.rings]
    if lacking := sum(each.lacks_nucleus for each in nuclei):
        _warn(
            f"{path}: {lacking} cells have no outline of the nucleus: that of the cell counts; "
            "export them with their nuclei"
        )
    return nuclei


def _warn(text: str) -> None:
    warnings.warn(text, InputWarning, stacklevel=5)


def _size(content: Any) -> Shape | None:
    size = content.get("nucleisplit") if isinstance(content, dict) else None
    if not size:
        return None
    height, width = whole_numbers([size["height"], size["width"]]).tolist()
    return height, width


def _parse(content: Any) -> Iterator[_Object]:
    """Yield the objects of a file, those inside others after these."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict) and item["type"] == "FeatureCollection":
            item = item["features"]
        if isinstance(item, list):
            waiting.extend(reversed(item))
            continue
        properties = item.get("properties") or {}
        yield _object(item, properties)
        for holder in (item, properties):
            waiting.extend(reversed(holder.get("childObjects") or []))


def _object(feature: dict[str, Any], properties: dict[str, Any]) -> _Object:
    kind = properties.get("objectType") or properties.get("object_type")
    kind = str(kind or _KINDS.get(str(feature.get("id")), ""))
    geometry = feature["geometry"] or {}
    nucleus = feature.get("nucleusGeometry") or properties.get("nucleusGeometry")
    outline = nucleus if kind == "cell" and nucleus else geometry
    rings = [_points(ring) for ring in _rings(outline)]
    plane = outline.get("plane") or geometry.get("plane") or {}
    return _Object(
        kind,
        rings if sum(map(len, rings)) else [],
        _number(properties),
        tuple(whole_numbers([plane.get("z", 0), plane.get("t", 0)]).tolist()),
        _class_name(properties),
        lacks_nucleus=kind == "cell" and not nucleus,
    )


def _points(ring: list) -> np.ndarray:
    """Return the x and y of a ring, (n, 2); a third coordinate is dropped."""
    points = np.asarray(ring, np.float64)
    if points.size and (points.ndim != 2 or points.shape[1] < 2):
        raise ValueError(f"a ring of the shape {points.shape}")
    return points.reshape(len(points), -1)[:, :2] if points.size else np.empty((0, 2))


def _rings(geometry: dict[str, Any]) -> Iterator[list]:
    """Yield the rings of all polygons of a geometry."""
    kind = geometry.get("type")
    if kind == "Polygon":
        yield from geometry["coordinates"]
    elif kind == "MultiPolygon":
        for polygon in geometry["coordinates"]:
            yield from polygon
    elif kind == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _rings(part)


def _class_name(properties: dict[str, Any]) -> str:
    classification = properties.get("classification") or {}
    name = str(classification.get("name") or "").strip()
    return "" if name == NO_CLASS else name


def _number(properties: dict[str, Any]) -> Any:
    measured = properties.get("measurements") or {}
    if isinstance(measured, list):  # QuPath before 0.4
        measured = {item["name"]: item["value"] for item in measured}
    return measured.get("label")
