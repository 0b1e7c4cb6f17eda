"""GeoParquet 1.1: one row per nucleus, its outline in pixels and its measurements."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.files import read_bytes, replacing
from nucleisplit.names import brief

from .classes import classes_by_label
from .common import Shape, paint, settle_numbers, settle_shape, whole_numbers
from .label_stream import LabelStream, Piece, as_stream
from .outlines import trace_outlines

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

__all__ = ["as_polygon", "need_geoparquet", "read_geoparquet", "write_geoparquet"]

_OUTLINE = "geometry"
_GEO, _OURS = b"geo", b"nucleisplit"
"""Keys of the metadata: that of the format, and the size of the image."""
_ABOUT = {
    "version": "1.1.0",
    "primary_column": _OUTLINE,
    "columns": {
        _OUTLINE: {
            "encoding": "WKB",
            "geometry_types": ["Polygon", "MultiPolygon"],
            "crs": None,  # pixels, not places on Earth
        }
    },
}


def need_geoparquet() -> None:
    """Raise `ConfigError` where the libraries that GeoParquet needs are not installed."""
    if missing := missing_libraries("pyarrow", "shapely"):
        raise ConfigError(
            f"GeoParquet needs {' and '.join(missing)}",
            f"{install_command('parquet')}, or write GeoJSON",
        )


def write_geoparquet(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write one row per nucleus, outlined along the edges of its pixels.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Measurements by the column ``label``; numbers become columns.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ConfigError
        pyarrow or shapely is not installed.
    ValueError
        The array is not a label image.
    """
    need_geoparquet()
    from pyarrow.parquet import ParquetWriter

    stream, _ = as_stream(labels, table)
    size = {"height": stream.shape[0], "width": stream.shape[1]}
    about = {_GEO: json.dumps(_ABOUT), _OURS: json.dumps(size)}
    nothing = Piece(np.zeros((0, stream.shape[1]), np.uint8), 0, None)
    writer = None
    with replacing(path, overwrite) as part, ExitStack() as stack:
        for piece in stream.pieces() if stream.largest else [nothing]:
            rows = _rows(piece)
            if writer is None:
                schema = rows.schema.with_metadata(about)
                opened = ParquetWriter(part, schema, write_page_checksum=True)
                writer = stack.enter_context(opened)
            writer.write_table(rows.replace_schema_metadata(about))


def read_geoparquet(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read polygons into a label image: ours exactly, any others by the centres of their pixels.

    Parameters
    ----------
    path : str or Path
        A pixel that several polygons claim goes to the smallest.
    shape : (int, int), optional
        Rows and columns of the image, where the file does not say.

    Returns
    -------
    (H, W) int32 ndarray
        Numbered by the column ``label`` where there is one, else 1..n.

    Raises
    ------
    InputError
        The file cannot be read, is no GeoParquet, holds something other than polygons, or one
        outside the image; or the size of the image is unknown or differs.
    ConfigError
        pyarrow or shapely is not installed.
    """
    need_geoparquet()
    import shapely
    from pyarrow.parquet import ParquetFile

    path = Path(path)
    data = read_bytes(path)
    try:
        file = ParquetFile(io.BytesIO(data), page_checksum_verification=True)
        about = file.schema_arrow.metadata or {}
        column = json.loads(about[_GEO])["primary_column"]
        names = [name for name in ("label", column) if name in file.schema_arrow.names]
        rows = file.read(names)
        shapes = shapely.from_wkb(rows[column].to_numpy(zero_copy_only=False))
        numbers = rows["label"].to_pylist() if "label" in names else [None] * len(shapes)
        stored = None
        if _OURS in about:
            size = json.loads(about[_OURS])
            height, width = whole_numbers([size["height"], size["width"]]).tolist()
            stored = height, width
        objects = [_rings(each) for each in shapes]
    except MemoryError:
        raise
    except Exception as error:  # damaged files raise many types
        raise InputError(
            f"{path}: is damaged, or is no GeoParquet of polygons "
            f"({brief(error) or type(error).__name__})",
            "export it again",
        ) from None
    shape = settle_shape(path, stored, shape)
    return paint(path, shape, objects, settle_numbers(numbers))


def _rows(piece: Piece) -> pyarrow.Table:
    import pyarrow
    import shapely

    outlines = trace_outlines(piece.labels, piece.top)
    columns: dict[str, Any] = {"label": pyarrow.array(outlines.labels, pyarrow.int64())}
    if piece.table is not None:
        measured = piece.table.select_dtypes(["number", "bool"]).set_index("label")
        measured = measured.reindex(outlines.labels)
        columns |= {str(name): measured[name].to_numpy() for name in measured}
    if piece.table is not None and "class" in piece.table:
        classes = classes_by_label(piece.table)
        named = [classes.get(number) for number in outlines.labels.tolist()]
        columns["class"] = pyarrow.array(named, pyarrow.string())
    shapes = np.array([as_polygon(pieces) for pieces in outlines.pieces], object)
    columns[_OUTLINE] = pyarrow.array(shapely.to_wkb(shapes).tolist(), pyarrow.binary())
    return pyarrow.table(columns)


def as_polygon(pieces: list[list[np.ndarray]]):
    """Return the pieces of a nucleus as a polygon of shapely, or as several."""
    import shapely

    polygons = [shapely.Polygon(piece[0], piece[1:]) for piece in pieces]
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)


def _rings(found) -> list[np.ndarray]:
    """Return the rings of a polygon, or of several; `ValueError` for anything else."""
    if found is None or found.geom_type not in ("Polygon", "MultiPolygon") or found.is_empty:
        raise ValueError(f"holds {found.geom_type if found else 'a row without an outline'}")
    polygons = found.geoms if found.geom_type == "MultiPolygon" else [found]
    rings = [ring for each in polygons for ring in (each.exterior, *each.interiors)]
    return [np.asarray(ring.coords)[:, :2] for ring in rings]
