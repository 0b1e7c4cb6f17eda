"""Corrected nuclei as data to train on: one more image of a dataset, and its labels."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nucleisplit.datasets import CLASSES_TABLE, short_stem
from nucleisplit.endings import OUTLINE_SUFFIXES, stem_of
from nucleisplit.errors import InputError, NucleisplitError, OutputError
from nucleisplit.files import refuse_overwrite, replacing
from nucleisplit.images import list_images, read_image
from nucleisplit.labels import write_labels

__all__ = ["save_corrections"]

_FORBIDDEN = set('/\\:*?"<>|')


def save_corrections(
    folder: str | Path,
    name: str,
    image: np.ndarray,
    labels: np.ndarray,
    overwrite: bool = False,
    classes: Mapping[int, str] | None = None,
) -> tuple[Path, Path]:
    """Write an image and its labels into a dataset, ``images/NAME.tif`` and ``labels/NAME.tif``.

    Where nuclei have classes, these go into ``labels/NAME_classes.csv``, as ``train-trees
    --classes`` reads them.

    An image of that name that is there already stays as it is when it has the same pixels, of
    whatever format; an image with others is never replaced.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing.
    name : str
        Of both files, without an ending.
    image : (H, W) or (H, W, 3) ndarray
    labels : (H, W) integer ndarray
        0 = background.
    overwrite : bool
        Replace the labels of that name, and their classes.
    classes : mapping of int to str, optional
        By label.

    Returns
    -------
    image, labels : Path
        Where they are now.

    Raises
    ------
    InputError
        The name cannot be that of a file.
    OutputError
        Another image, or labels, of that name are there, or ``classes.csv`` is, which would hide
        these classes; or a file cannot be written.
    """
    folder, name = Path(folder), name.strip()
    if not name or name[0] == "." or set(name) & _FORBIDDEN:
        raise InputError(f"{name!r} is no name for a file", "use letters, digits, - and _")
    name = stem_of(f"{name}.tif")
    image = _storable(image)
    known = _image_of(folder / "images", name, image)
    target = _labels_of(folder / "labels", name)
    refuse_overwrite(target, overwrite)
    if classes and (folder / CLASSES_TABLE).exists():
        raise OutputError(
            f"{folder / CLASSES_TABLE}: says the classes of this folder",
            "choose another folder, or move its rows to labels/NAME_classes.csv",
        )
    path = known or folder / "images" / f"{name}.tif"
    if known is None:
        _write_image(path, image)
    write_labels(target, labels, overwrite)
    table = target.with_name(f"{name}_{CLASSES_TABLE}")
    table.unlink(missing_ok=True)  # its numbers were those of other labels
    if classes:
        with (
            replacing(table) as part,
            part.open("w", encoding="utf-8", newline="") as file,
        ):
            rows = csv.writer(file, lineterminator="\n")
            rows.writerows([("label", "class"), *sorted(classes.items())])
    return path, target


def _storable(image: np.ndarray) -> np.ndarray:
    """The image in a type that every reader of TIFF knows."""
    if image.dtype == bool:
        return image.astype(np.uint8) * 255
    return image.astype(np.float32) if image.dtype == np.float16 else image


def _image_of(folder: Path, name: str, image: np.ndarray) -> Path | None:
    """The file of this image, if it is there; refuse one of the same name that is another."""
    for path in list_images(folder) if folder.is_dir() else ():
        if stem_of(path) == name:
            try:
                same = np.array_equal(read_image(path), image)
            except NucleisplitError:
                same = False
            if not same:
                raise OutputError(f"{path}: is another image", "choose another name")
            return path
    return None


def _labels_of(folder: Path, name: str) -> Path:
    """Where its labels go; refuse where they are there in another format."""
    target = folder / f"{name}.tif"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        is_labels = path.name.lower().endswith(OUTLINE_SUFFIXES) or path in list_images(folder)
        if path != target and is_labels and short_stem(path) == name:
            raise OutputError(
                f"{path}: holds labels of that name", "remove it, or choose another name"
            )
    return target


def _write_image(path: Path, image: np.ndarray) -> None:
    import tifffile

    with replacing(path) as part:
        tifffile.imwrite(
            part,
            image,
            compression="zlib",
            photometric="rgb" if image.ndim == 3 else "minisblack",
            software="nucleisplit",
            metadata=None,
        )
