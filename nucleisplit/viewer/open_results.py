"""Open what nucleisplit has written: label images, outlines, and whole folders of ``infer``."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.batch.outputs import planes_of
from nucleisplit.datasets import LABEL_SUFFIX
from nucleisplit.endings import stem_of
from nucleisplit.errors import InputError, NucleisplitError
from nucleisplit.images import STACKS, PlaneChoice, open_image
from nucleisplit.labels import read_geojson, read_roi
from nucleisplit.tables import read_nuclei
from nucleisplit.viewer.colors import color_table

if TYPE_CHECKING:
    import pandas as pd

    from nucleisplit.report.batch_folder import Entry

__all__ = ["find_reader"]

LayerData = tuple[np.ndarray, dict[str, Any], str]

_RECORD, _TABLE = "run.json", "nuclei.csv"
_MOST = 20
"""Images of a folder that are opened together."""


def find_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return what reads a file or folder, or None where it is none of ours.

    Ours are the folders that ``infer`` wrote, label images with ``nucleisplit`` as their software,
    GeoJSON with our size of the image, and zips of regions with the same.
    """
    if not isinstance(path, str | Path):
        return None  # several files as one stack
    file = Path(path)
    ending = "" if file.is_dir() else file.suffix.lower()
    if ending not in _READERS:
        return None
    is_ours, read = _READERS[ending]
    try:
        return read if is_ours(file) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, zipfile.BadZipFile):
        return None  # it is for others to say what is wrong with it


def read_folder(path: str | Path) -> list[LayerData]:
    """Read all images of a run, each with its labels; only the first is shown.

    Raises
    ------
    InputError
        There are too many, or a file cannot be read. An image that is no longer there is left out.
    """
    from nucleisplit.report.batch_folder import Entry

    folder = Path(path)
    record = _read_record(folder)
    entries = [entry for entry in record["images"] if entry.get("status") == "ok"]
    if len(entries) > _MOST:
        raise InputError(
            f"{folder}: holds {len(entries)} images, too many to be opened together",
            "open one of its NAME_labels.tif",
        )
    table = read_nuclei(folder / _TABLE)
    planes = PlaneChoice(
        **{f.name: record.get("parameters", {}).get(f.name) for f in fields(PlaneChoice)}
    )
    layers = []
    for entry in entries:
        one = Entry(folder, entry, table[table["image"] == entry["image"]])
        labels = one.file("labels")
        if labels is None:
            raise InputError(f"{folder}: the labels of {one.name} are gone", "run infer again")
        found = [_image_layer(one, planes), _labels_layer(labels, one.table)]
        for layer in found:
            if layer is not None:
                layer[1].update(_size_of(entry))
                layer[1]["visible"] = entry is entries[0]
                layers.append(layer)
    return layers


def read_label_image(path: str | Path) -> list[LayerData]:
    """Read one label image; its measurements, where it lies in the folder of its run."""
    path = Path(path)
    table, size = None, {}
    if _is_run(path.parent):
        entries = _read_record(path.parent)["images"]
        entry = next((e for e in entries if e.get("labels") == path.name), None)
        if entry is not None:
            rows = read_nuclei(path.parent / _TABLE)
            table, size = rows[rows["image"] == entry["image"]], _size_of(entry)
    layer = _labels_layer(path, table)
    layer[1].update(size)
    return [layer]


def read_outlines(path: str | Path) -> list[LayerData]:
    """Read our GeoJSON; the measurements of its detections become features."""
    import pandas as pd

    labels = read_geojson(path)
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    rows = [f["properties"].get("measurements") or {} for f in content["features"]]
    table = pd.DataFrame(rows)
    return [_layer(labels, stem_of(path), table if "label" in table else None)]


def read_regions(path: str | Path) -> list[LayerData]:
    """Read our zip of regions of ImageJ."""
    return [_layer(read_roi(path), stem_of(path), None)]


def _is_run(folder: Path) -> bool:
    return (folder / _TABLE).is_file() and (
        (folder / _RECORD).is_file() and "nucleisplit" in _read_record(folder)
    )


def _read_record(folder: Path) -> dict:
    record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    [entry["image"] for entry in record["images"]]
    return record


def _is_our_tiff(path: Path) -> bool:
    import tifffile

    if not stem_of(path).endswith(LABEL_SUFFIX):
        return False
    try:
        with tifffile.TiffFile(path) as file:
            return file.pages.first.tags.valueof("Software") == "nucleisplit"
    except (tifffile.TiffFileError, IndexError):
        return False


def _is_our_geojson(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"nucleisplit":' in file.read(200)


def _is_our_zip(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        size = json.loads(archive.comment)
    return {"height", "width"} == set(size)


def _image_layer(entry: Entry, planes: PlaneChoice) -> LayerData | None:
    """The image of an entry, as it was segmented, where it can still be read."""
    if entry.path is None:
        return None
    planes = planes_of(planes, entry.record)
    try:
        with open_image(entry.path, planes) as source:
            stacked = planes.z in STACKS
            pixels = source.stack(planes).read() if stacked else source.plane(planes).read()
    except NucleisplitError:
        return None
    is_rgb = pixels.ndim == (4 if stacked else 3)
    return pixels, {"name": stem_of(entry.name), "rgb": is_rgb}, "image"


def _size_of(entry: dict) -> dict[str, Any]:
    """Scale and units of the layers of an entry; nothing where the size of a pixel is unknown."""
    lengths = entry.get("voxel_size_um") or entry.get("pixel_size_um")
    if not lengths:
        return {}
    return {"scale": tuple(map(float, lengths)), "units": ("um",) * len(lengths)}


def _labels_layer(path: Path, table: pd.DataFrame | None) -> LayerData:
    with open_image(path, palette=False) as source:
        stacked = "Z" in source.axes
        labels = source.stack().read() if stacked else source.plane().read()
    return _layer(labels.astype(np.int32), stem_of(path), table)


def _layer(labels: np.ndarray, name: str, table: pd.DataFrame | None) -> LayerData:
    meta: dict[str, Any] = {"name": name}
    if table is not None:
        features = table.drop(columns="image", errors="ignore").reset_index(drop=True)
        features.insert(0, "index", features["label"])
        meta["features"] = features
        if "predicted_iou" in features and len(features):
            numbers = features["label"].to_numpy(int)
            iou = np.full(max(int(labels.max(initial=0)), numbers.max()) + 1, np.nan)
            iou[numbers] = features["predicted_iou"]
            meta["colormap"] = _colormap(iou)
    return labels, meta, "labels"


def _colormap(iou: np.ndarray) -> Any:
    """A colormap of napari, which is there when it asks for one."""
    from napari.utils.colormaps import CyclicLabelColormap

    return CyclicLabelColormap(colors=color_table(iou))


_READERS = {
    "": (_is_run, read_folder),
    ".tif": (_is_our_tiff, read_label_image),
    ".geojson": (_is_our_geojson, read_outlines),
    ".zip": (_is_our_zip, read_regions),
}
"""By ending, none for a folder: what tells ours from others, and what reads them."""
