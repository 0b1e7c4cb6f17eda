"""Nuclei as SpatialData: image, labels, outlines, and a table that annotates the labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.files import replacing
from nucleisplit.images import Plane

from .common import Shape
from .geoparquet import as_polygon
from .label_stream import LabelStream
from .outlines import trace_outlines
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
    import geopandas
    from spatialdata import SpatialData
    from spatialdata.models import Image2DModel, Labels2DModel, ShapesModel
    from spatialdata.transformations import Identity, Scale

    labels = check_labels(labels)
    places: dict[str, Any] = {"global": Identity()}
    if pixel_size is not None:
        down, across = np.broadcast_to(pixel_size, 2).tolist()
        places[UM] = Scale([across, down], axes=("x", "y"))
    halvings = max(0, int(np.ceil(np.log2(max(labels.shape) / _COARSEST))))
    levels = {"scale_factors": [2] * halvings or None, "transformations": places}
    outlines = trace_outlines(labels)
    elements: dict[str, Any] = {
        LABELS: Labels2DModel.parse(labels.astype(np.int32), dims=("y", "x"), **levels)
    }
    if outlines.pieces:  # nothing is no element
        polygons = geopandas.GeoDataFrame(
            geometry=[as_polygon(pieces) for pieces in outlines.pieces], index=outlines.labels
        )
        elements[OUTLINES] = ShapesModel.parse(polygons, transformations=places)
    if image is not None:
        pixels = _channels_first(image, labels.shape)
        names = list(channels) if len(channels) == len(pixels) else None
        elements["image"] = Image2DModel.parse(
            pixels, dims=("c", "y", "x"), c_coords=names, **levels
        )
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
        See `to_spatialdata`; or the labels are not whole in memory.
    OutputError
        See `nucleisplit.files.replacing`.
    ConfigError
        spatialdata is not installed.
    """
    if isinstance(labels, LabelStream):
        raise InputError(
            f"{path}: images computed in tiles are not written as SpatialData",
            "write ome-zarr and geoparquet instead",
        )
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


def _channels_first(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    image = np.asarray(image)
    if image.shape[:2] != shape or image.ndim not in (2, 3):
        raise InputError(
            f"the image is {image.shape}, the labels are {shape}", "give (H, W) or (H, W, C)"
        )
    return image[None] if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1))


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
