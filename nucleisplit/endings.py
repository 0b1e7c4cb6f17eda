"""How the files of each format end, and so what the rest of their names means."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ENDINGS", "IMAGE_SUFFIXES", "OUTLINE_SUFFIXES", "ending_of", "stem_of"]

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".btf", ".lsm"),
    *(".svs", ".ndpi", ".scn", ".bif", ".zarr", ".czi", ".nd2", ".lif"),
)
"""File name endings (lower case) that count as images when a folder is listed."""

ENDINGS = {
    "ome-tiff": (".ome.tif", ".ome.tiff"),
    "ome-zarr": (".ome.zarr", ".zarr"),
    "ome-zarr-0.4": (".ome.zarr",),
    "tiff": (".tif", *IMAGE_SUFFIXES),
    "numpy": (".npy",),
    "geojson": (".geojson",),
    "geojson-gz": (".geojson.gz",),
    "geoparquet": (".geoparquet",),
    "roi": (".rois.zip", ".zip", ".roi"),
    "coco": (".coco.json", ".json"),
    "coco-polygons": (".coco-polygons.json",),
    "hovernet": (".hovernet.json",),
    "spatialdata": (".spatialdata.zarr",),
    "submission": (".submission.csv", ".csv"),
}
"""By format: the ending that we give its files, then others by which a file is recognised."""

OUTLINE_SUFFIXES = (
    *(".geojson", ".geojson.gz", ".geoparquet", ".zip", ".roi"),
    *(".coco.json", ".coco-polygons.json", ".hovernet.json", ".submission.csv"),
)
"""File name endings that count as labels, beside those of images, when a folder is listed."""

_LONGEST_FIRST = sorted({e for endings in ENDINGS.values() for e in endings}, key=len, reverse=True)
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_INNER = ".ome"
"""Stands before the ending of OME-TIFF and OME-Zarr, and says nothing of the image."""


def ending_of(path: str | Path) -> str:
    """Return the longest known ending of a file's name, in lower case; empty for none.

    >>> ending_of("a.ROIS.zip"), ending_of("a.txt")
    ('.rois.zip', '')
    """
    name = Path(path).name.lower()
    return next((ending for ending in _LONGEST_FIRST if name.endswith(ending)), "")


def stem_of(path: str | Path) -> str:
    """Return the name of a file without its ending, double ones too: what its image is called.

    The one function for it: an image, its labels and all that is written of it have equal stems.

    >>> [stem_of(path) for path in ("x/a.b.rois.zip", "a_labels.tif", "a.b.coco.json", "a.b")]
    ['a.b', 'a_labels', 'a.b', 'a']
    >>> [stem_of(path) for path in ("a.ome.tif", "a.OME.btf", "a.ome.zarr", "a.nii.gz", ".tif")]
    ['a', 'a', 'a', 'a', '.tif']
    """
    name = Path(path).name
    if name.lower().endswith(_PACKED):
        name = Path(name).stem
    ending = ending_of(name)
    stem = name[: -len(ending)] if ending else Path(name).stem
    if ending and stem.lower().endswith(_INNER):
        stem = stem[: -len(_INNER)]
    return stem or name
