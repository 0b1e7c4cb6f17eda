"""Find label images to compare: a file, a folder of them, a dataset, or what ``infer`` wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucleisplit.endings import OUTLINE_SUFFIXES, stem_of
from nucleisplit.errors import DatasetError, InputError
from nucleisplit.images import PlaneChoice, is_zarr, list_images, open_image
from nucleisplit.labels import format_of, read_label_file

from .masks import merge_masks
from .pairs import (
    dataset_labels,
    find_pairs,
    image_beside,
    label_files,
    labels_inside,
    short_stem,
    split_parts,
)

__all__ = ["LabelSource", "find_label_sources"]


@dataclass(frozen=True)
class LabelSource:
    """The labels of one image: one label file, or one mask per nucleus."""

    image_id: str
    paths: tuple[Path, ...]
    native: bool = False
    image: Path | None = None
    """Where the labels are outlines, the image that tells how large they are, if there."""
    reader: Callable[[tuple[int, int] | None], np.ndarray] | None = None
    """Of a file of several images, what reads this one."""

    def held_classes(self) -> dict[int, str]:
        """Return the classes that the file itself holds, by label, of nuclei that have one."""
        if self.native:
            return {}
        if self.reader is not None:
            return getattr(self.reader, "classes", dict)()
        entry = format_of(self.paths[0])
        return entry.read_classes(self.paths[0]) if entry and entry.read_classes else {}

    def read(
        self, shape: tuple[int, int] | None = None, choice: PlaneChoice | None = None
    ) -> np.ndarray:
        """Return the labels as stored, (H, W) int32; `InputError` if they cannot be read.

        The shape is that of outlines whose size neither an image nor the file tells, the choice the
        plane of a label image that holds several.
        """
        if self.native:
            return merge_masks(self.paths)[0]
        if self.image is not None:
            with open_image(self.image) as image:
                shape = (image.levels[0].height, image.levels[0].width)
        if self.reader is not None:
            return self.reader(shape)
        return read_label_file(self.paths[0], shape, choice)


def find_label_sources(path: str | Path) -> dict[str, LabelSource]:
    """Find the label images that a path stands for.

    Parameters
    ----------
    path : str or Path
        A label file, an image or one of `nucleisplit.labels`, of one or several images; a
        dataset (its ``labels/`` or ``masks/``, or ``<id>/masks/``); or a folder of label files, as
        `label_files` tells them from the images and overlays beside them.

    Returns
    -------
    dict of str to LabelSource
        By image id: the stem, without ``_labels``; of a file of several images, the stems of these.

    Raises
    ------
    InputError
        The path does not exist, or holds no label images.
    DatasetError
        Two files stand for one image, a native dataset is incomplete, or one is split into
        ``train/`` and ``test/``.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: does not exist", "check the path")
    if not path.is_dir() or is_zarr(path):
        return _sources(path)
    folder = labels_inside(path)
    if folder is None and (parts := split_parts(path)):
        names = " and ".join(f"{part.name}/" for part in parts)
        raise DatasetError(f"{path}: holds {names}", f"name one of them: {parts[-1]}")
    if folder is None and any(path.glob("*/masks")):
        pairs = find_pairs(path)
        return {p.image_id: LabelSource(p.image_id, p.label_paths, p.native) for p in pairs}
    folder = folder or path
    is_dataset = folder != path and (path / "images").is_dir()
    images = path / "images" if is_dataset else folder
    files = dataset_labels(images, folder) if is_dataset else label_files(folder)
    if not files:
        raise InputError(f"{folder}: holds no label images", "they are TIFF or PNG files")
    return {stem: _source(stem, file, images) for stem, file in files.items()}


def _sources(path: Path) -> dict[str, LabelSource]:
    """The images of one file: most formats hold one, called like the file."""
    entry = format_of(path)
    several = entry.read_several(path) if entry and entry.read_several else {}
    places = [path.parent, path.parent / "images", path.parent.parent / "images"]
    if not several:
        stem = short_stem(path)
        return {stem: _source(stem, path, path.parent)}
    listed = [{stem_of(p): p for p in list_images(f)} for f in places if f.is_dir()]
    images = {stem: p for found in reversed(listed) for stem, p in found.items()}
    return {
        stem: LabelSource(stem, (path,), image=images.get(stem), reader=reader)
        for stem, reader in several.items()
    }


def _source(stem: str, path: Path, images: Path) -> LabelSource:
    is_outline = path.name.lower().endswith((*OUTLINE_SUFFIXES, ".json", ".csv"))
    return LabelSource(stem, (path,), image=image_beside(path, images) if is_outline else None)
