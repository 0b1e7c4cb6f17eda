"""GeoJSON as QuPath reads it: detections with class and measurements, coordinates in pixels.

Structure: RFC 7946 for the geometry; ``objectType``, ``classification`` and ``measurements`` as
QuPath (0.4 and later) exports them.
"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.io.atomic import replacing
from nucleisplit.io.readers import read_bytes
from nucleisplit.io.writers import check_labels

from .common import Shape, measurement_texts, paint, settle_numbers, settle_shape
from .outlines import trace_outlines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_geojson", "write_geojson"]

_CLASS = (
    '"properties":{"objectType":"detection","classification":{"name":"Nucleus","color":[0,170,255]}'
)


def write_geojson(
    path: str | Path,
    labels: np.ndarray,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write one detection per nucleus, outlined along the edges of its pixels.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray
        0 = background; not negative.
    table : DataFrame, optional
        Measurements by the column ``label``, as in `Segmentation.table`.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.io.atomic.replacing`.
    ValueError
        The array is not a label image.
    """
    labels = check_labels(labels)
    outlines = trace_outlines(labels)
    measured = measurement_texts(outlines.labels, table)
    size = {"height": labels.shape[0], "width": labels.shape[1]}
    with replacing(path, overwrite) as part, part.open("w", encoding="utf-8") as file:
        file.write(
            '{"type":"FeatureCollection","nucleisplit":' + json.dumps(size) + ',"features":['
        )
        begin = "\n"
        for pieces, row in zip(outlines.pieces, measured, strict=True):
            geometry = json.dumps(_geometry(pieces), separators=(",", ":"))
            file.write(f'{begin}{{"type":"Feature","geometry":{geometry},{_CLASS},')
            file.write(f'"measurements":{row}}}}}')
            begin = ",\n"
        file.write("\n]}\n")


def read_geojson(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read polygons into a label image: ours exactly, any others by the centres of their pixels.

    Parameters
    ----------
    path : str or Path
        A FeatureCollection, a list of features, or one feature. Points and lines are passed over.
        A pixel that several polygons claim goes to the smallest; a ring that crosses itself
        encloses what lies inside an odd number of its loops.
    shape : (int, int), optional
        Rows and columns of the image, where the file does not say.

    Returns
    -------
    (H, W) int32 ndarray
        Numbered by the measurement ``label`` where all have one, else 1..n.

    Raises
    ------
    InputError
        The file cannot be read, is no GeoJSON, holds a polygon outside the image, or the size of
        the image is unknown or differs.
    """
    path = Path(path)
    try:
        content = json.loads(read_bytes(path).decode("utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{path}: is not GeoJSON ({error})", "export it again") from None
    try:
        objects, numbers, stored = _parse(content)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"{path}: is not GeoJSON ({type(error).__name__}: {error})", "export it again"
        ) from None
    return paint(path, settle_shape(path, stored, shape), objects, settle_numbers(numbers))


def _geometry(pieces: list[list[np.ndarray]]) -> dict[str, Any]:
    polygons = [[_closed(ring) for ring in piece] for piece in pieces]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _closed(ring: np.ndarray) -> list[list[int]]:
    points = ring.tolist()
    return [*points, points[0]]


def _parse(content: Any) -> tuple[list[list[np.ndarray]], list[Any], Shape | None]:
    """Return the rings and the number of every polygon, and the size of the image."""
    size = content.get("nucleisplit") if isinstance(content, dict) else None
    if isinstance(content, dict):
        content = content["features"] if content["type"] == "FeatureCollection" else [content]
    objects, numbers = [], []
    for feature in content:
        geometry = feature["geometry"]
        if geometry is None or geometry["type"] not in ("Polygon", "MultiPolygon"):
            continue
        rings = geometry["coordinates"]
        if geometry["type"] == "MultiPolygon":
            rings = list(chain.from_iterable(rings))
        rings = [np.asarray(ring, np.float64).reshape(len(ring), -1)[:, :2] for ring in rings]
        if not sum(map(len, rings)):
            continue
        objects.append(rings)
        numbers.append(_number(feature.get("properties") or {}))
    return objects, numbers, size and (int(size["height"]), int(size["width"]))


def _number(properties: dict[str, Any]) -> Any:
    measured = properties.get("measurements") or {}
    if isinstance(measured, list):  # QuPath before 0.4
        measured = {item["name"]: item["value"] for item in measured}
    return measured.get("label")
