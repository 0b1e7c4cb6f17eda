"""Find label images to compare: a file, a folder of them, a dataset, or what ``infer`` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError

from .formats import OUTLINE_SUFFIXES, read_label_file
from .layout import find_pairs, image_beside, label_files, short_stem
from .masks import merge_masks
from .readers import is_zarr, read_image

__all__ = ["LabelSource", "find_label_sources"]


@dataclass(frozen=True)
class LabelSource:
    """The labels of one image: one label file, or one mask per nucleus."""

    image_id: str
    paths: tuple[Path, ...]
    native: bool = False
    image: Path | None = None
    """Where the labels are outlines, the image that tells how large they are, if there."""

    def read(self, shape: tuple[int, int] | None = None) -> np.ndarray:
        """Return the labels as stored, (H, W) int32; `InputError` if they cannot be read.

        The shape is that of outlines whose size neither an image nor the file tells.
        """
        if self.native:
            return merge_masks(self.paths)[0]
        if self.image is not None:
            shape = read_image(self.image).shape[:2]
        return read_label_file(self.paths[0], shape)


def find_label_sources(path: str | Path) -> dict[str, LabelSource]:
    """Find the label images that a path stands for.

    Parameters
    ----------
    path : str or Path
        A label file, an image or one of `nucleisplit.io.formats`; a dataset (its ``labels/``, or
        ``<id>/masks/``); a folder written by ``infer`` (only its ``*_labels`` files); a folder of
        outlines, whose images may lie beside them; or any other folder of label images.

    Returns
    -------
    dict of str to LabelSource
        By image id: the stem, without ``_labels``.

    Raises
    ------
    InputError
        The path does not exist, or holds no label images.
    DatasetError
        Two files stand for one image, or a native dataset is incomplete.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: does not exist", "check the path")
    if not path.is_dir() or is_zarr(path):
        stem = short_stem(path)
        return {stem: _source(stem, path, path.parent)}
    if not (path / "labels").is_dir() and any(path.glob("*/masks")):
        pairs = find_pairs(path)
        return {p.image_id: LabelSource(p.image_id, p.label_paths, p.native) for p in pairs}
    folder = path / "labels" if (path / "labels").is_dir() else path
    images = path / "images" if folder != path and (path / "images").is_dir() else folder
    files = label_files(folder)
    if not files:
        raise InputError(f"{folder}: holds no label images", "they are TIFF or PNG files")
    return {stem: _source(stem, file, images) for stem, file in files.items()}


def _source(stem: str, path: Path, images: Path) -> LabelSource:
    is_outline = path.name.lower().endswith((*OUTLINE_SUFFIXES, ".json", ".csv"))
    return LabelSource(stem, (path,), image=image_beside(path, images) if is_outline else None)
