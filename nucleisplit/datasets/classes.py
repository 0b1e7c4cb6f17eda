"""The classes of the nuclei of a dataset: from a CSV, or from the files of its labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nucleisplit.endings import stem_of
from nucleisplit.errors import DatasetError
from nucleisplit.labels import format_of
from nucleisplit.names import name_some

from .dataset import Dataset, Record
from .image_table import read_lines

__all__ = ["CLASSES_TABLE", "ImageClasses", "read_classes"]

CLASSES_TABLE = "classes.csv"
"""Name of the table in the folder of a dataset; ``NAME_classes.csv`` beside the labels of an image
holds those of that image alone."""

_IMAGE, _LABEL, _CLASS = "image", "label", "class"


@dataclass
class ImageClasses:
    """The classes of the nuclei of one image."""

    source: Path
    """The file that says so."""
    image: str
    """Name of the image, for messages."""
    whole: str = ""
    """That of all nuclei which have none of their own; empty for none."""
    own: dict[int, str] = field(default_factory=dict)
    """Those of single nuclei, by their label in the file of the labels."""

    def of(self, labels: np.ndarray) -> dict[int, str]:
        """Return the class of every label of a label image that has one.

        Raises
        ------
        DatasetError
            A label that has a class does not occur.
        """
        present = [int(label) for label in np.unique(labels) if label > 0]
        if lacking := sorted(set(self.own) - set(present)):
            numbers = name_some(map(str, lacking))
            raise DatasetError(
                f"{self.source}: no nucleus of {self.image} has the label {numbers}",
                "correct it, or leave the row out",
            )
        named = {label: self.own.get(label, self.whole) for label in present}
        return {label: name for label, name in named.items() if name}


def read_classes(dataset: Dataset) -> dict[str, ImageClasses]:
    """Read all classes of a dataset, by image id; images without any are left out.

    A ``classes.csv`` in the folder comes first, with the columns ``image`` (its name, with or
    without the ending), ``class`` and, unless it is the class of the whole image, ``label``. Then
    ``NAME_classes.csv`` beside the labels of an image (``label``, ``class``), then the labels
    themselves where their format holds classes (GeoJSON, COCO).

    Raises
    ------
    DatasetError
        A column is missing, an image does not exist, a label is no number, or rows contradict one
        another.
    InputError
        A file cannot be read.
    """
    found: dict[str, ImageClasses] = {}
    for folder in dataset.folders:
        records = [r for r in dataset.records if r.image_path.is_relative_to(folder)]
        if (folder / CLASSES_TABLE).is_file():
            found |= _read_table(folder / CLASSES_TABLE, records)
    for record in dataset.records:
        if record.image_id not in found and (own := _beside(record)) is not None:
            found[record.image_id] = own
    return found


def _read_table(path: Path, records: list[Record]) -> dict[str, ImageClasses]:
    by_stem = {stem_of(record.image_path): record for record in records}
    columns, lines = read_lines(path)
    _need(path, columns, (_IMAGE, _CLASS))
    found: dict[str, ImageClasses] = {}
    for number, row in lines:
        record = by_stem.get(row[_IMAGE]) or by_stem.get(stem_of(row[_IMAGE]))
        if record is None:
            raise DatasetError(
                f"{path}: line {number}: there is no image {row[_IMAGE]!r}",
                "correct the name, or leave the row out",
            )
        name = record.image_path.name
        own = found.setdefault(record.image_id, ImageClasses(path, name))
        _add(own, path, number, row)
    return found


def _beside(record: Record) -> ImageClasses | None:
    """Read what lies beside the labels of an image, or in them."""
    if record.native:
        return None
    labels, name = record.label_paths[0], record.image_path.name
    path = labels.with_name(f"{stem_of(record.image_path)}_{CLASSES_TABLE}")
    if path.is_file():
        own = ImageClasses(path, name)
        columns, lines = read_lines(path)
        _need(path, columns, (_LABEL, _CLASS))
        for number, row in lines:
            _add(own, path, number, row)
        return own
    entry = format_of(labels)
    held = entry.read_classes(labels) if entry and entry.read_classes else {}
    return ImageClasses(labels, name, own=held) if held else None


def _need(path: Path, columns: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in columns:
            raise DatasetError(f"{path}: has no column {name!r}", f"it has {', '.join(columns)}")


def _add(classes: ImageClasses, path: Path, number: int, row: dict[str, str]) -> None:
    """Take one row; a row without a class says nothing."""
    name, text = row[_CLASS], row.get(_LABEL, "")
    if not name:
        return
    if text and not (text.isdecimal() and int(text)):
        raise DatasetError(
            f"{path}: line {number}: the label is {text!r}", "give the number of a nucleus"
        )
    before = classes.own.get(int(text)) if text else classes.whole
    if before and before != name:
        what = f"label {text}" if text else "the whole image"
        raise DatasetError(
            f"{path}: line {number}: {what} of {classes.image} is {name!r} here and {before!r} "
            "before",
            "keep one of the rows",
        )
    if text:
        classes.own[int(text)] = name
    else:
        classes.whole = name
