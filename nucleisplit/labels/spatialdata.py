"""Nuclei as SpatialData: image, labels, outlines, and a table that annotates the labels."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.files import replacing
from nucleisplit.images import Plane, open_image

from .common import Shape
from .geoparquet import as_polygon
from .label_stream import LabelStream
from .outlines import Outlines, trace_outlines
from .tiff import check_labels, read_labels

if TYPE_CHECKING:
    import pandas as pd
    from spatialdata import SpatialData

__all__ = ["need_spatialdata", "read_spatialdata", "to_spatialdata", "write_spatialdata"]

LABELS, OUTLINES, TABLE = "nuclei", "nuclei_outlines", "nuclei_table"
"""Names of the elements."""
UM = "um"
"""The coordinate system in micrometres, where the size of a pixel is known."""
_COARSEST = 1024
"""Longest side of the last level of a pyramid, pixels."""


def need_spatialdata() -> None:
    """Raise `ConfigError` where the library is not installed."""
    if missing_libraries("spatialdata"):
        raise ConfigError(
            "SpatialData needs spatialdata", f"{install_command('spatial')}, or write OME-Zarr"
        )


def to_spatialdata(
    labels: np.ndarray,
    table: pd.DataFrame | None = None,
    image: np.ndarray | None = None,
    *,
    pixel_size: float | tuple[float, float] | None = None,
    channels: Sequence[str] = (),
) -> SpatialData:
    """Make a `spatialdata.SpatialData` of the nuclei of an image.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background; not negative. Becomes the element ``nuclei``, and ``nuclei_outlines`` as
        polygons along the edges of the pixels.
    table : DataFrame, optional
        Measurements by the column ``label``: ``nuclei_table``, an AnnData whose ``region`` is
        ``nuclei`` and whose instances are the labels.
    image : (H, W) or (H, W, C) ndarray, optional
        ``image``, with its channels first.
    pixel_size : float or (float, float), optional
        Height and width of a pixel, um: a scale to the coordinate system ``um``. Pixels are those
        of the coordinate system ``global``.
    channels : sequence of str, optional
        Names of the channels.

    Raises
    ------
    InputError
        The table is about other labels, or the image has another size.
    ConfigError
        spatialdata is not installed.
    ValueError
        The array is not a label image.
    """
    need_spatialdata()
    from spatialdata import SpatialData
    from spatialdata.models import ShapesModel

    labels = check_labels(labels)
    places = _places(pixel_size)
    outlines = trace_outlines(labels)
    pixels = None if image is None else np.asarray(image)
    elements = _rasters(labels, pixels, places, channels)
    if outlines.pieces:  # nothing is no element
        elements[OUTLINES] = ShapesModel.parse(_polygons(outlines), transformations=places)
    if table is not None:
        _check_labels(table, outlines.labels)
        if len(table):
            elements[TABLE] = _annotation(table)
    return SpatialData.init_from_elements(elements)


def write_spatialdata(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
    *,
    pixel_size: float | tuple[float, float] | None = None,
    image: np.ndarray | Plane | None = None,
    channels: Sequence[str] = (),
) -> None:
    """Write what `to_spatialdata` makes as a folder; other parameters as there.

    Raises
    ------
    InputError
        See `to_spatialdata`.
    OutputError
        See `nucleisplit.files.replacing`.
    ConfigError
        spatialdata is not installed.
    """
    need_spatialdata()
    if isinstance(labels, LabelStream):
        with replacing(path, overwrite) as part:
            return _write_stream(part, labels, image, _places(pixel_size), channels)
    pixels = image.read() if isinstance(image, Plane) else image
    made = to_spatialdata(labels, table, pixels, pixel_size=pixel_size, channels=channels)
    with replacing(path, overwrite) as part:
        made.write(part)


def read_spatialdata(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read the label image of a SpatialData, of several that called ``nuclei``; (H, W) int32.

    Raises
    ------
    InputError
        There is none, there are several, or it cannot be read.
    """
    path = Path(path)
    folder = path / "labels"
    names = (
        sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    )
    name = LABELS if LABELS in names else names[0] if len(names) == 1 else None
    if name is None:
        found = f"{len(names)} label images ({', '.join(names)})" if names else "no label images"
        raise InputError(f"{path}: holds {found}", f"name one, such as {path}/labels/nuclei")
    return read_labels(folder / name)


def _write_stream(
    part: Path,
    stream: LabelStream,
    image: np.ndarray | Plane | None,
    places: dict[str, Any],
    channels: Sequence[str],
) -> None:
    """Write what is read piece by piece; only the table is ever whole in memory."""
    import dask
    import pandas as pd
    from pyarrow.parquet import ParquetWriter, read_table
    from spatialdata import SpatialData
    from spatialdata.models import ShapesModel

    with ExitStack() as stack:
        # one block after the other, for files are not read by several threads
        stack.enter_context(dask.config.set(scheduler="synchronous"))
        source = stack.enter_context(open_image(cast(Path, stream.path)))
        pixels = _blocks(image) if isinstance(image, Plane) else image
        made = SpatialData.init_from_elements(
            _rasters(_blocks(source.plane()), pixels, places, channels)
        )
        made.write(part)
    tables: list[pd.DataFrame] = []
    with ExitStack() as stack:
        writer = None
        for piece in stream.pieces():
            polygons = _polygons(trace_outlines(piece.labels, piece.top))
            file = part / "shapes" / OUTLINES / "shapes.parquet"
            if writer is None:
                made[OUTLINES] = ShapesModel.parse(polygons.copy(), transformations=places)
                made.write_element(OUTLINES)
                about = read_table(file).schema.metadata
                geo = json.loads(about[b"geo"])
                for column in geo["columns"].values():  # which was of this piece
                    column.pop("bbox", None)
                    column["geometry_types"] = ["Polygon", "MultiPolygon"]
                about[b"geo"] = json.dumps(geo).encode()
            buffer = io.BytesIO()
            polygons.to_parquet(buffer, geometry_encoding="WKB")
            rows = read_table(buffer).replace_schema_metadata(about)
            if writer is None:
                writer = stack.enter_context(ParquetWriter(file, rows.schema))
            writer.write_table(rows)
            if piece.table is not None:
                numbers = piece.table.select_dtypes("float").columns
                tables.append(piece.table.astype(dict.fromkeys(numbers, np.float32)))
    if tables:
        whole = pd.concat(tables, ignore_index=True).drop(columns="image", errors="ignore")
        made[TABLE] = _annotation(whole)
        made.write_element(TABLE)


def _blocks(plane: Plane):
    """Return a plane as an array of dask, which is read block by block."""
    import dask.array

    class Blocks:
        shape, dtype, ndim = plane.shape, plane.dtype, len(plane.shape)

        def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
            return plane.read(*index[:2])

    chunks = (_COARSEST, _COARSEST, *plane.shape[2:])
    return dask.array.from_array(Blocks(), chunks, name=False)


def _places(pixel_size: float | tuple[float, float] | None) -> dict[str, Any]:
    """Return the transformations to the coordinate systems, by name."""
    from spatialdata.transformations import Identity, Scale

    places: dict[str, Any] = {"global": Identity()}
    if pixel_size is not None:
        down, across = np.broadcast_to(pixel_size, 2).tolist()
        places[UM] = Scale([across, down], axes=("x", "y"))
    return places


def _rasters(labels, image, places: dict[str, Any], channels: Sequence[str]) -> dict[str, Any]:
    """Make the elements of labels and image, arrays of numpy or dask, with their pyramids."""
    from spatialdata.models import Image2DModel, Labels2DModel

    halvings = max(0, int(np.ceil(np.log2(max(labels.shape) / _COARSEST))))
    levels = {"scale_factors": [2] * halvings or None, "transformations": places}
    elements = {LABELS: Labels2DModel.parse(labels.astype(np.int32), dims=("y", "x"), **levels)}
    if image is not None:
        if image.shape[:2] != labels.shape or image.ndim not in (2, 3):
            raise InputError(
                f"the image is {image.shape}, the labels are {labels.shape}",
                "give (H, W) or (H, W, C)",
            )
        pixels = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
        names = list(channels) if len(channels) == len(pixels) else None
        elements["image"] = Image2DModel.parse(
            pixels, dims=("c", "y", "x"), c_coords=names, **levels
        )
    return elements


def _polygons(outlines: Outlines):
    """Return outlines as a GeoDataFrame by label."""
    import geopandas

    polygons = [as_polygon(pieces) for pieces in outlines.pieces]
    return geopandas.GeoDataFrame(geometry=polygons, index=outlines.labels)


def _check_labels(table: pd.DataFrame, labels: np.ndarray) -> None:
    others = set(table["label"].tolist()) ^ set(labels.tolist())
    if others:
        raise InputError(
            f"the table and the labels are not about the same nuclei (such as {min(others)})",
            "give the table of these labels",
        )


def _annotation(table: pd.DataFrame):
    """Return an AnnData about the labels: numbers as variables, the rest as observations."""
    import anndata
    import pandas as pd
    from spatialdata.models import TableModel

    numbers = table.drop(columns="label").select_dtypes(["number", "bool"])
    obs = table[[name for name in table if name not in numbers]].copy()
    obs["region"] = LABELS
    for name in obs.columns.difference(["label"]):
        # of the index, objects are all that older anndata writes
        texts = pd.Categorical(obs[name])
        obs[name] = pd.Categorical(obs[name].astype(object), texts.categories.astype(object))
    obs.index = pd.Index(table["label"].astype(str).to_numpy(object), dtype=object)
    var = pd.DataFrame(index=pd.Index([str(name) for name in numbers], dtype=object))
    made = anndata.AnnData(numbers.to_numpy(np.float32, na_value=np.nan), obs, var)
    centre = [name for name in ("centroid-1", "centroid-0") if name in table]
    if len(centre) == 2:
        made.obsm["spatial"] = table[centre].to_numpy(float)
    return TableModel.parse(made, region=LABELS, region_key="region", instance_key="label")
