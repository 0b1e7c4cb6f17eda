"""Find label images to compare: a file, a folder of them, a dataset, or what ``infer`` wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError

from .layout import LABEL_SUFFIX, find_pairs, label_files
from .masks import merge_masks
from .readers import read_labels

__all__ = ["LabelSource", "find_label_sources"]


@dataclass(frozen=True)
class LabelSource:
    """The labels of one image: one label image, or one mask per nucleus."""

    image_id: str
    paths: tuple[Path, ...]
    native: bool = False

    def read(self) -> np.ndarray:
        """Return the labels as stored, (H, W) int32; `InputError` if they cannot be read."""
        return merge_masks(self.paths)[0] if self.native else read_labels(self.paths[0])


def find_label_sources(path: str | Path) -> dict[str, LabelSource]:
    """Find the label images that a path stands for.

    Parameters
    ----------
    path : str or Path
        A label image; a dataset (its ``labels/``, or ``<id>/masks/``); a folder written by
        ``infer`` (only its ``*_labels`` files); or any other folder of label images.

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
    if not path.is_dir():
        stem = path.stem.removesuffix(LABEL_SUFFIX) or path.stem
        return {stem: LabelSource(stem, (path,))}
    if not (path / "labels").is_dir() and any(path.glob("*/masks")):
        pairs = find_pairs(path)
        return {p.image_id: LabelSource(p.image_id, p.label_paths, p.native) for p in pairs}
    folder = path / "labels" if (path / "labels").is_dir() else path
    files = label_files(folder)
    if not files:
        raise InputError(f"{folder}: holds no label images", "they are TIFF or PNG files")
    return {stem: LabelSource(stem, (file,)) for stem, file in files.items()}
