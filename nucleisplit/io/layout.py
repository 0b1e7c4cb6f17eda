"""Find the pairs of image and labels in a folder, in either of two layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nucleisplit.errors import DatasetError

from .formats import OUTLINE_SUFFIXES, label_stem
from .readers import IMAGE_SUFFIXES
from .zarr_labels import is_labels_only

__all__ = [
    "LABEL_SUFFIX",
    "Pair",
    "find_pairs",
    "image_beside",
    "label_files",
    "list_images",
    "name_some",
    "short_stem",
]

LABEL_SUFFIX = "_labels"
"""``infer`` writes ``<stem>_labels.tif``; such files pair with the image ``<stem>``."""


@dataclass(frozen=True)
class Pair:
    """An image and its labels: one label file, or in the native layout one mask per nucleus."""

    image_id: str
    image_path: Path
    label_paths: tuple[Path, ...]
    native: bool


def find_pairs(folder: str | Path) -> list[Pair]:
    """Find images and labels, sorted by id.

    Two layouts are known: ``images/`` + ``labels/`` with files of equal stems (a label may also
    be called ``<stem>_labels``, and be of any of `nucleisplit.io.formats`), and the one of the
    Data Science Bowl 2018, ``<id>/images/*`` + ``<id>/masks/*`` with one mask per nucleus.

    Raises
    ------
    DatasetError
        Not a folder, neither layout, nothing in it, an image without labels or the reverse, or
        two images of one stem.
    """
    folder = Path(folder)
    if not folder.exists():
        raise DatasetError(f"{folder}: does not exist", "check the path")
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is not a folder", "name the folder of the dataset")
    if (folder / "images").is_dir() and (folder / "labels").is_dir():
        return _paired(folder)
    if any(folder.glob("*/masks")):
        return _native(folder)
    raise DatasetError(
        f"{folder}: is not a dataset",
        "it needs images/ and labels/, or <id>/images/ and <id>/masks/",
    )


def list_images(folder: Path) -> list[Path]:
    """List the image files directly in a folder, by name; hidden files are left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "." and path.is_file()
    )


def label_files(folder: Path) -> dict[str, Path]:
    """Map image stems to the label files of a folder.

    Where files are called ``<stem>_labels``, as by ``infer``, only these count, and the overlays
    beside them do not; elsewhere outlines in one of the other formats, whose images may lie
    beside them; elsewhere every image, by its stem.

    Raises
    ------
    DatasetError
        Two label files stand for one image.
    """
    files = list_images(folder)
    marked = [p for p in files if p.stem.endswith(LABEL_SUFFIX) and p.stem != LABEL_SUFFIX]
    chosen = marked or _list_outlines(folder)
    return _by_stem(chosen, short_stem) if chosen else _by_stem(files)


def image_beside(path: Path, folder: Path) -> Path | None:
    """Return the image of a folder that a label file is named after, if it is there."""
    return next((p for p in list_images(folder) if p.stem == short_stem(path)), None)


def short_stem(path: Path) -> str:
    """Return the name of the image of a label file.

    >>> [short_stem(Path(name)) for name in ("a_labels.tif", "a.geojson", "a.rois.zip", "a.tif")]
    ['a', 'a', 'a', 'a']
    """
    stem = label_stem(path)
    return stem.removesuffix(LABEL_SUFFIX) or stem


def _list_outlines(folder: Path) -> list[Path]:
    """List the files of outlines, and the OME-Zarr with labels and no image."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.name[0] != "."
        and (
            (path.name.lower().endswith(OUTLINE_SUFFIXES) and path.is_file())
            or (path.name.lower().endswith(".ome.zarr") and is_labels_only(path))
        )
    )


def name_some(names: Iterable[str], limit: int = 3) -> str:
    """Join the first few names: ``a, b, c and 4 more``.

    >>> name_some(["a", "b", "c", "d"], limit=2)
    'a, b and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _by_stem(
    paths: list[Path], name: Callable[[Path], str] = lambda path: path.stem
) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        stem = name(path)
        if stem in found:
            raise DatasetError(
                f"{path}: has the same stem as {found[stem].name}", "rename or remove one"
            )
        found[stem] = path
    return found


def _paired(folder: Path) -> list[Pair]:
    images = _by_stem(list_images(folder / "images"))
    labels = _by_stem(list_images(folder / "labels"))
    outlines = _by_stem(_list_outlines(folder / "labels"), label_stem)
    if both := sorted(set(labels) & set(outlines)):
        raise DatasetError(
            f"{outlines[both[0]]}: has the same stem as {labels[both[0]].name}",
            "rename or remove one",
        )
    labels |= outlines
    for stem in set(labels) - set(images):  # corrected outputs of infer beside plain stems
        short = short_stem(labels[stem])
        if short in images and short not in labels:
            labels[short] = labels.pop(stem)
    if not set(images) & set(labels):
        raise DatasetError(
            f"{folder}: holds no pairs ({len(images)} images, {len(labels)} label images)",
            "an image and its labels need equal stems",
        )
    if lone := sorted(set(images) - set(labels)):
        raise DatasetError(
            f"{folder}: {len(lone)} of {len(images)} images have no labels: {name_some(lone)}",
            f"add them to {folder / 'labels'} or remove the images",
        )
    if lone := sorted(set(labels) - set(images)):
        raise DatasetError(
            f"{folder}: {len(lone)} of {len(labels)} label images have no image: {name_some(lone)}",
            f"add them to {folder / 'images'} or remove the labels",
        )
    return [Pair(i, images[i], (labels[i],), native=False) for i in sorted(images)]


def _native(folder: Path) -> list[Pair]:
    pairs = []
    for sub in sorted(p for p in folder.iterdir() if p.is_dir() and p.name[0] != "."):
        if not (sub / "images").is_dir() and not (sub / "masks").is_dir():
            continue
        images = list_images(sub / "images") if (sub / "images").is_dir() else []
        masks = list_images(sub / "masks") if (sub / "masks").is_dir() else []
        if len(images) != 1:
            raise DatasetError(f"{sub / 'images'}: holds {len(images)} images", "keep exactly one")
        if not masks:
            raise DatasetError(f"{sub / 'masks'}: holds no mask", "add them or remove the image")
        pairs.append(Pair(sub.name, images[0], tuple(masks), native=True))
    if not pairs:
        raise DatasetError(f"{folder}: holds no pairs", "it needs <id>/images/ and <id>/masks/")
    return pairs
