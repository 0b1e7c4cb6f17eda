"""Find the pairs of image and labels in a folder, in the layouts that people have."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nucleisplit.endings import OUTLINE_SUFFIXES, stem_of
from nucleisplit.errors import DatasetError, InputWarning
from nucleisplit.images import list_images
from nucleisplit.labels import is_hovernet, is_labels_only
from nucleisplit.names import name_some

__all__ = [
    "LABEL_SUFFIX",
    "PairFiles",
    "dataset_labels",
    "find_pairs",
    "image_beside",
    "label_files",
    "labels_inside",
    "short_stem",
    "split_parts",
]

LABEL_SUFFIX = "_labels"
"""``infer`` writes ``<stem>_labels.tif``; such files pair with the image ``<stem>``."""

_CELLPOSE = ("_cp_masks", "_masks", "_seg")
"""Cellpose writes ``<stem>_cp_masks.png`` and ``<stem>_seg.npy``, datasets for it hold
``<stem>_masks.tif``; where there are several, the first of these counts."""
_ARRAY = ".npy"


@dataclass(frozen=True)
class PairFiles:
    """An image and its labels: one label file, or in the native layout one mask per nucleus."""

    image_id: str
    image_path: Path
    label_paths: tuple[Path, ...]
    native: bool


def find_pairs(folder: str | Path) -> list[PairFiles]:
    """Find images and labels, sorted by id.

    Known are

    - ``images/`` + ``labels/`` (or ``masks/``, as in datasets for StarDist), with files of equal
      stems; a label file may also be called as `label_files` tells, and be of any of
      `nucleisplit.labels`;
    - a folder with ``train/`` (and ``test/``) of that kind: its ``train/``;
    - images with their labels beside them, as Cellpose has them: see `label_files`;
    - that of the Data Science Bowl 2018, ``<id>/images/*`` + ``<id>/masks/*``, one mask a nucleus.

    Raises
    ------
    DatasetError
        Not a folder, none of these layouts, nothing in it, an image without labels or the reverse,
        or two images of one stem.
    """
    folder = Path(folder)
    if not folder.exists():
        raise DatasetError(f"{folder}: does not exist", "check the path")
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is not a folder", "name the folder of the dataset")
    if (folder / "images").is_dir() and (labels := labels_inside(folder)):
        return _paired(folder, folder / "images", labels)
    if parts := split_parts(folder):
        if parts[0].name != "train":
            raise DatasetError(f"{folder}: holds no train/", f"name one of its parts: {parts[0]}")
        return find_pairs(parts[0])
    if any(folder.glob("*/masks")):
        return _native(folder)
    if _mixed(folder):
        return _paired(folder, folder, folder)
    raise DatasetError(
        f"{folder}: is not a dataset",
        "it needs images/ and labels/, or <id>/images/ and <id>/masks/",
    )


def labels_inside(folder: Path) -> Path | None:
    """Return the folder of labels in a dataset: ``labels/``, or ``masks/``; None without one."""
    return next((folder / n for n in ("labels", "masks") if (folder / n).is_dir()), None)


def split_parts(folder: Path) -> list[Path]:
    """Return the parts of a dataset that is split into ``train/`` and ``test/``."""
    parts = [folder / name for name in ("train", "val", "test")]
    return [part for part in parts if (part / "images").is_dir() and labels_inside(part)]


def label_files(folder: Path) -> dict[str, Path]:
    """Map image stems to the label files of a folder.

    Where files are called ``<stem>_labels``, as by ``infer``, only these count, and the overlays
    beside them do not; elsewhere those of Cellpose, ``<stem>_masks``, ``<stem>_cp_masks`` and
    ``<stem>_seg.npy``, beside photographs; elsewhere arrays and outlines in one of the other
    formats, whose images may lie beside them; elsewhere every image, by its stem.

    Raises
    ------
    DatasetError
        Two label files stand for one image.

    Warns
    -----
    InputWarning
        There are other images, which none of the chosen files is about.
    """
    found = _mixed(folder)
    if not found:
        return _by_stem(list_images(folder), stem_of)
    others = [p for p in list_images(folder) if p not in found.values()]
    stems = [stem_of(path) for path in others]
    lone = [
        path.name
        for path, stem in zip(others, stems, strict=True)
        if stem not in found and not any(stem.startswith(f"{known}_") for known in found)
    ]
    if lone:
        first = next(iter(found.values())).name
        warnings.warn(
            f"{folder}: only files like {first} count as labels there; left out: "
            f"{name_some(lone)}; name them alike if they are labels, too",
            InputWarning,
            stacklevel=2,
        )
    return found


def dataset_labels(images_in: Path, labels_in: Path) -> dict[str, Path]:
    """Map image stems to the label files of a dataset, as `find_pairs` does; some may be missing.

    Raises
    ------
    DatasetError
        Two label files stand for one image, or two images have one stem.
    """
    images = _by_stem(list_images(images_in), stem_of)
    labels = _fit(images, labels_in)
    if not set(images) & set(labels):
        return label_files(labels_in)
    return {
        stem if stem in images else short_stem(path): path
        for stem, path in labels.items()
        if stem in images or not any(stem.startswith(f"{known}_") for known in images)
    }


def image_beside(path: Path, folder: Path) -> Path | None:
    """Return the image of a folder that a label file is named after, if it is there."""
    wanted = short_stem(path)
    return next((p for p in list_images(folder) if p != path and stem_of(p) == wanted), None)


def short_stem(path: Path) -> str:
    """Return the name of the image of a label file.

    >>> [short_stem(Path(name)) for name in ("a_labels.tif", "a.geojson", "a.rois.zip", "a.tif")]
    ['a', 'a', 'a', 'a']
    >>> [short_stem(Path(name)) for name in ("a_cp_masks.png", "a_masks.tif", "a_seg.npy")]
    ['a', 'a', 'a']
    """
    stem = stem_of(path)
    mark = _mark(path)
    return (stem.removesuffix(mark).removesuffix(".ome") or stem) if mark else stem


def _mark(path: Path) -> str:
    """Return by what a name says that the file holds labels; empty where it does not."""
    stem = stem_of(path)
    marks = (LABEL_SUFFIX, *(_CELLPOSE if path.suffix.lower() == _ARRAY else _CELLPOSE[:2]))
    return next((m for m in marks if stem.endswith(m) and stem != m), "")


def _mixed(folder: Path) -> dict[str, Path]:
    """Map stems to the files that are labels by their names, be there images beside or not."""
    files = [*list_images(folder), *_list_files(folder, (_ARRAY,))]
    marked = {mark: [p for p in files if _mark(p) == mark] for mark in (LABEL_SUFFIX, *_CELLPOSE)}
    if marked[LABEL_SUFFIX]:
        return _by_stem(marked[LABEL_SUFFIX], short_stem)
    found: dict[str, Path] = {}
    for mark in reversed(_CELLPOSE):
        found |= _by_stem(marked[mark], short_stem)
    return dict(sorted(found.items())) or _by_stem(_list_labels(folder), short_stem)


def _list_labels(folder: Path) -> list[Path]:
    """List the arrays, the files of outlines, JSON of HoVer-Net by any name, and the OME-Zarr with
    labels and no image."""
    zarrs = [
        path
        for path in folder.iterdir()
        if path.name[0] != "." and path.name.lower().endswith(".ome.zarr") and is_labels_only(path)
    ]
    files = _list_files(folder, (_ARRAY, *OUTLINE_SUFFIXES))
    others = [path for path in _list_files(folder, (".json",)) if path not in files]
    return sorted([*files, *filter(is_hovernet, others), *zarrs])


def _list_files(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """List the files directly in a folder with these endings; hidden ones are left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.name[0] != "." and path.name.lower().endswith(endings) and path.is_file()
    )


def _by_stem(paths: list[Path], name: Callable[[Path], str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        stem = name(path)
        if stem in found:
            raise DatasetError(
                f"{path}: has the same stem as {found[stem].name}", "rename or remove one"
            )
        found[stem] = path
    return found


def _paired(folder: Path, images_in: Path, labels_in: Path) -> list[PairFiles]:
    if images_in == labels_in:
        labels = _mixed(folder)
        files = set(labels.values())
        beside = [p for p in list_images(folder) if p not in files and not _mark(p)]
        images = _by_stem([p for p in beside if stem_of(p) in labels], stem_of)
        if lone := [p.name for p in beside if stem_of(p) not in labels]:
            warnings.warn(
                f"{folder}: {len(lone)} images have no labels beside them and are left out: "
                f"{name_some(lone)}; label them to learn from them",
                InputWarning,
                stacklevel=3,
            )
    else:
        images = _by_stem(list_images(images_in), stem_of)
        labels = _fit(images, labels_in)
    if not set(images) & set(labels):
        raise DatasetError(
            f"{folder}: holds no pairs ({len(images)} images, {len(labels)} label images)",
            "an image and its labels need equal stems",
        )
    if lone := sorted(set(images) - set(labels)):
        raise DatasetError(
            f"{folder}: {len(lone)} of {len(images)} images have no labels: {name_some(lone)}",
            f"add them to {labels_in} or remove the images",
        )
    if lone := sorted(set(labels) - set(images)):
        raise DatasetError(
            f"{folder}: {len(lone)} of {len(labels)} label images have no image: {name_some(lone)}",
            f"add them to {images_in} or remove the labels",
        )
    return [PairFiles(i, images[i], (labels[i],), native=False) for i in sorted(images)]


def _fit(images: dict[str, Path], folder: Path) -> dict[str, Path]:
    """Map stems to the labels of a folder: ``<stem>_labels`` and the like by that of their image.

    Of several of one image the first counts: that of its own name, ours, those of Cellpose.
    """
    labels = _by_stem([*list_images(folder), *_list_labels(folder)], stem_of)
    order = (*_CELLPOSE[::-1], LABEL_SUFFIX)
    marked = [(stem, path) for stem, path in labels.items() if stem not in images and _mark(path)]
    fitted = {stem: path for stem, path in labels.items() if (stem, path) not in marked}
    shorter: dict[str, Path] = {}
    for stem, path in sorted(marked, key=lambda entry: order.index(_mark(entry[1]))):
        short = short_stem(path)
        if short in images and short not in fitted:
            shorter[short] = path
        else:
            fitted[stem] = path
    return fitted | shorter


def _native(folder: Path) -> list[PairFiles]:
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
        pairs.append(PairFiles(sub.name, images[0], tuple(masks), native=True))
    if not pairs:
        raise DatasetError(f"{folder}: holds no pairs", "it needs <id>/images/ and <id>/masks/")
    return pairs
