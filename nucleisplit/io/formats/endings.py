"""How the files of each format end, and so what the rest of their names means."""

from __future__ import annotations

from pathlib import Path

from nucleisplit.io.readers import IMAGE_SUFFIXES

__all__ = ["ENDINGS", "OUTLINE_SUFFIXES", "ending_of", "label_stem"]

ENDINGS = {
    "ome-tiff": (".ome.tif", ".ome.tiff"),
    "ome-zarr": (".ome.zarr", ".zarr"),
    "tiff": (".tif", *IMAGE_SUFFIXES),
    "geojson": (".geojson",),
    "roi": (".rois.zip", ".zip"),
    "coco": (".coco.json", ".json"),
    "coco-polygons": (".coco-polygons.json",),
    "submission": (".submission.csv", ".csv"),
}
"""By format: the ending that we give its files, then others by which a file is recognised."""

OUTLINE_SUFFIXES = (".geojson", ".zip", ".coco.json", ".coco-polygons.json", ".submission.csv")
"""File name endings that count as labels, beside those of images, when a folder is listed."""

_LONGEST_FIRST = sorted({e for endings in ENDINGS.values() for e in endings}, key=len, reverse=True)


def ending_of(path: str | Path) -> str:
    """Return the longest known ending of a file's name, in lower case; empty for none.

    >>> ending_of("a.ROIS.zip"), ending_of("a.txt")
    ('.rois.zip', '')
    """
    name = Path(path).name.lower()
    return next((ending for ending in _LONGEST_FIRST if name.endswith(ending)), "")


def label_stem(path: str | Path) -> str:
    """Return the name of a label file without the ending of its format, dots and all.

    >>> [label_stem(path) for path in ("x/a.b.rois.zip", "a_labels.tif", "a.b.coco.json", "a.b")]
    ['a.b', 'a_labels', 'a.b', 'a']
    """
    ending = ending_of(path)
    return Path(path).name[: -len(ending)] if ending else Path(path).stem
