"""The classes of nuclei: of a CSV, of the table of a run, or of the files of labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nucleisplit.endings import stem_of
from nucleisplit.errors import DatasetError
from nucleisplit.files import load_json
from nucleisplit.labels import ClassMap, find_class_map
from nucleisplit.names import brief, name_some
from nucleisplit.tables import read_nuclei

from .dataset import Dataset
from .image_table import read_lines
from .label_sets import LabelSource
from .pairs import labels_inside

__all__ = [
    "CLASSES_TABLE",
    "ImageClasses",
    "read_class_colors",
    "read_classes",
    "read_source_classes",
]

CLASSES_TABLE = "classes.csv"
"""Name of the table in the folder of a dataset; ``NAME_classes.csv`` beside the labels of an image
holds those of that image alone."""

_IMAGE, _LABEL, _CLASS = "image", "label", "class"
_RUN, _NUCLEI = "run.json", "nuclei.csv"
"""What ``infer`` leaves in a folder."""


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

    def names(self) -> set[str]:
        """Return the classes that occur."""
        return {*self.own.values(), self.whole} - {""}

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
    themselves where their format holds classes (GeoJSON, COCO, HoVer-Net, ImageJ). Where there is a
    class map, see `nucleisplit.labels.find_class_map`, it has all of them.

    Raises
    ------
    DatasetError
        A column is missing, an image does not exist, a label is no number, rows contradict one
        another, or a class is not in the class map.
    InputError
        A file cannot be read.
    """
    found: dict[str, ImageClasses] = {}
    for folder in dataset.folders:
        records = [r for r in dataset.records if r.image_path.is_relative_to(folder)]
        images = [
            _Image(r.image_id, r.image_path.name, LabelSource(r.image_id, r.label_paths, r.native))
            for r in records
        ]
        found |= _read_all(folder, images)
    return found


def read_source_classes(
    path: str | Path, sources: dict[str, LabelSource]
) -> dict[str, ImageClasses]:
    """Read the classes of the label images that `find_label_sources` has found; see `read_classes`.

    Of a folder that ``infer`` wrote, those of ``nuclei.csv``.

    Raises
    ------
    DatasetError, InputError
        As of `read_classes`.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if (folder / _RUN).is_file() and (folder / _NUCLEI).is_file():
        return _of_run(folder, sources)
    if folder.name in ("labels", "masks") and not (folder / CLASSES_TABLE).is_file():
        folder = folder.resolve().parent
    images = [_Image(name, name, each) for name, each in sources.items()]
    return _read_all(folder, images, are_all=path.is_dir())


def read_class_colors(dataset: Dataset) -> dict[str, str]:
    """Return the colours that the class maps of a dataset give its classes, ``#rrggbb`` by name.

    Raises
    ------
    DatasetError
        Two of its folders give a class different colours.
    InputError
        See `nucleisplit.labels.read_class_map`.
    """
    colours: dict[str, str] = {}
    for folder in dataset.folders:
        if (found := _map_of(folder)) is None:
            continue
        for name, colour in found.colors.items():
            if (other := colours.setdefault(name, colour)) != colour:
                raise DatasetError(
                    f"{found.path}: {name!r} is {colour} here and {other} in another dataset",
                    "give it one colour",
                )
    return colours


@dataclass(frozen=True)
class _Image:
    """An image and where its labels are."""

    image_id: str
    name: str
    """Of its file, with the ending or without."""
    source: LabelSource


def _map_of(folder: Path) -> ClassMap | None:
    return find_class_map(labels_inside(folder) or folder)


def _read_all(folder: Path, images: list[_Image], are_all: bool = True) -> dict[str, ImageClasses]:
    """Read the classes of the images of one folder, all of them or some."""
    found: dict[str, ImageClasses] = {}
    if (folder / CLASSES_TABLE).is_file():
        found = _read_table(folder / CLASSES_TABLE, images, are_all)
    for image in images:
        if image.image_id not in found and (own := _beside(image)) is not None:
            found[image.image_id] = own
    known = _map_of(folder)
    if known is None:
        return found
    for each in found.values():
        if unknown := sorted(each.names() - {*known.names.values()}):
            raise DatasetError(
                f"{each.source}: the class {unknown[0]!r} of {each.image} is not in {known.path}, "
                f"which has {name_some(known.names.values(), 8)}",
                "correct it, or add it there",
            )
    return found


def _of_run(folder: Path, sources: dict[str, LabelSource]) -> dict[str, ImageClasses]:
    table, path = read_nuclei(folder / _NUCLEI), folder / _NUCLEI
    if _CLASS not in table or _IMAGE not in table:
        return {}
    try:
        entries = load_json(folder / _RUN, "the record of a run")["images"]
        names = {entry["labels"]: entry[_IMAGE] for entry in entries if entry.get("labels")}
    except (LookupError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{folder / _RUN}: is damaged ({brief(error)})", "run infer again"
        ) from None
    found = {}
    rows = dict(list(table.dropna(subset=[_CLASS]).groupby(_IMAGE)))
    for image_id, source in sources.items():
        name = names.get(source.paths[0].name)
        if name is not None and name in rows:
            own = dict(zip(rows[name][_LABEL].tolist(), rows[name][_CLASS].tolist(), strict=True))
            found[image_id] = ImageClasses(path, name, own=own)
    return found


def _read_table(path: Path, images: list[_Image], are_all: bool) -> dict[str, ImageClasses]:
    by_stem = {stem_of(image.name): image for image in images}
    columns, lines = read_lines(path)
    _need(path, columns, (_IMAGE, _CLASS))
    found: dict[str, ImageClasses] = {}
    for number, row in lines:
        image = by_stem.get(row[_IMAGE]) or by_stem.get(stem_of(row[_IMAGE]))
        if image is None and not are_all:
            continue
        if image is None:
            raise DatasetError(
                f"{path}: line {number}: there is no image {row[_IMAGE]!r}",
                "correct the name, or leave the row out",
            )
        own = found.setdefault(image.image_id, ImageClasses(path, image.name))
        _add(own, path, number, row)
    return found


def _beside(image: _Image) -> ImageClasses | None:
    """Read what lies beside the labels of an image, or in them."""
    if image.source.native:
        return None
    labels, name = image.source.paths[0], image.name
    path = labels.with_name(f"{stem_of(name)}_{CLASSES_TABLE}")
    if path.is_file():
        own = ImageClasses(path, name)
        columns, lines = read_lines(path)
        _need(path, columns, (_LABEL, _CLASS))
        for number, row in lines:
            _add(own, path, number, row)
        return own
    held = image.source.held_classes()
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
