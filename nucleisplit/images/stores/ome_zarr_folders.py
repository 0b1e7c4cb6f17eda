"""Folders of OME-Zarr: which are images, plates and fields, before Zarr itself is asked."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from nucleisplit.errors import InputError
from nucleisplit.names import brief

__all__ = [
    "LABELS",
    "is_consolidated",
    "is_zarr",
    "is_zarr_image",
    "is_zarr_zip",
    "ome_attributes",
    "outermost_zarr",
    "plate_fields",
    "plate_of",
    "zarr_members",
]

LABELS = "labels"
"""The group of the label images of an image."""

_MARKS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
_IMAGES = ("multiscales", "plate", "bioformats2raw.layout")
_ZIPPED = (".zarr.zip", ".ozx")


def is_zarr(path: Path) -> bool:
    """Tell the folder of a Zarr group or array by the files in it."""
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


def is_zarr_zip(path: Path) -> bool:
    """Tell a zipped OME-Zarr by its name."""
    return path.name.lower().endswith(_ZIPPED) and path.is_file()


def is_zarr_image(path: Path) -> bool:
    """Tell the folder of an image, a plate or a field of one, by any name, from what is in it.

    A folder that ends in ``.zarr`` counts whatever is in it; an array only by itself, not as the
    level of an image.
    """
    if not is_zarr(path):
        return False
    if path.suffix.lower() == ".zarr":
        return True
    try:
        meta = ome_attributes(path)
    except InputError:
        return not is_zarr(path.parent)
    return any(key in meta for key in _IMAGES) or (_is_array(path) and not is_zarr(path.parent))


def outermost_zarr(path: Path) -> Path:
    """Return the OME-Zarr that a path lies in, or is; the path itself where it is in none.

    Of a plate that is the plate.
    """
    found = path
    for folder in (path, *path.absolute().parents):
        if is_zarr(folder):
            found = folder
    return found


def plate_fields(path: Path) -> list[Path] | None:
    """List the fields of a plate or of a well; None for a folder that is neither.

    Raises
    ------
    InputError
        Its metadata are damaged or lead out of it.
    """
    if not is_zarr(path):
        return None
    meta = ome_attributes(path)
    if "plate" in meta:
        wells = [path / part for part in _paths(path, meta["plate"], "wells")]
        return [field for well in wells for field in plate_fields(well) or []]
    if "well" in meta:
        return [path / part for part in _paths(path, meta["well"], "images")]
    return None


def plate_of(path: Path) -> Path | None:
    """Return the plate that a path is a field of, such as plate.zarr of plate.zarr/A/1/0."""
    parents = path.absolute().parents
    if len(parents) < 3 or not (is_zarr(parents[0]) and is_zarr(parents[2])):
        return None
    try:
        inside = "well" in ome_attributes(parents[0]) and "plate" in ome_attributes(parents[2])
    except InputError:
        return None
    return parents[2] if inside else None


def ome_attributes(path: Path) -> dict:
    """Return the OME attributes of a group, of any version; none of an array of Zarr 2.

    Raises
    ------
    InputError
        They are damaged.
    """
    new, old = path / "zarr.json", path / ".zattrs"
    file = new if new.is_file() else old
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        found = found.get("attributes", {}) if file is new else found
        return dict(found.get("ome", found))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"{path}: is damaged ({file.name}: {brief(error)})", "copy or export it again"
        ) from None


def is_consolidated(path: Path) -> bool:
    """Tell whether the metadata of all that is in a group, or in a group that it is in, are kept in
    one file, too."""
    for folder in (path, *path.absolute().parents):
        if not is_zarr(folder):
            return False
        with suppress(OSError, ValueError, AttributeError):
            found = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))
            if found.get("consolidated_metadata"):
                return True
        if (folder / ".zmetadata").is_file():
            return True
    return False


def zarr_members(path: Path) -> list[Path]:
    """List what lies in a group and the groups in it, but for label images: files, and folders of
    arrays."""
    found = []
    for inner in path.iterdir():
        if is_zarr(inner) and not _is_array(inner):
            found += zarr_members(inner) if inner.name != LABELS else []
        elif inner.name != LABELS:
            found.append(inner)
    return found


def _is_array(path: Path) -> bool:
    if (path / ".zarray").is_file():
        return True
    try:
        return json.loads((path / "zarr.json").read_text(encoding="utf-8"))["node_type"] == "array"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _paths(path: Path, meta: dict, key: str) -> list[str]:
    """Paths of the wells of a plate or the images of a well, all within it."""
    try:
        found = [str(item["path"]) for item in meta[key]]
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: is damaged (its metadata have no {error})", "copy or export it again"
        ) from None
    for part in found:
        if not part or Path(part).is_absolute() or ".." in Path(part).parts:
            raise InputError(f"{path}: is damaged (path {part!r})", "copy or export it again")
    return found
