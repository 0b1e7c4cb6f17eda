"""Save a layer of labels in the formats of nucleisplit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.labels import write_as
from nucleisplit.viewer.region import in_image

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_geojson", "write_regions", "write_tiff"]


def write_tiff(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a label image as ``infer`` does."""
    return _write("tiff", path, data, meta)


def write_geojson(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write outlines for QuPath, with the features of the layer as measurements.

    Those of a region lie where it lies in its image.
    """
    return _write("geojson", path, data, meta)


def write_regions(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a zip of regions for ImageJ and Fiji, like `write_geojson`."""
    return _write("roi", path, data, meta)


def _write(name: str, path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write; a file that is there is replaced, as napari asks before it calls a writer."""
    labels = np.asarray(data)
    while labels.ndim > 2 and labels.shape[0] == 1:
        labels = labels[0]
    if labels.ndim != 2:
        raise InputError(f"{path}: cannot hold {labels.ndim}-D labels", "save one slice")
    if labels.size and labels.min() < 0:
        raise InputError(f"{path}: the labels hold {labels.min()}", "use 0 for background")
    if name != "tiff":  # which is the pixels of the layer, as napari shows them
        labels = in_image(labels, meta.get("metadata") or {})
    write_as(name, path, labels, _table(meta.get("features")), overwrite=True)
    return [str(Path(path))]


def _table(features: pd.DataFrame | None) -> pd.DataFrame | None:
    """The features as a table of nuclei; None where they do not say which label they are of."""
    if features is None or not {"label", "index"} & set(features.columns):
        return None
    table = features.copy()
    if "label" not in table:
        table["label"] = table["index"]
    return table.drop(columns="index", errors="ignore").drop_duplicates("label")
