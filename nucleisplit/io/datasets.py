"""A dataset: pairs of image and labels with their fold, group and cluster."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nucleisplit.errors import DatasetError

from .clean import CleaningConfig, CleaningNotes, clean_labels
from .folds import make_folds
from .formats import read_label_file
from .layout import Pair, find_pairs, name_some
from .masks import merge_masks
from .readers import read_bytes, read_image
from .table import ImageTable, read_image_table

__all__ = ["Dataset", "Record", "load_dataset"]

DEFAULT_TABLE = "folds.csv"
DEFAULT_GROUPS = ("group", "mosaic")


@dataclass(frozen=True)
class Record:
    """One image of a dataset; `read` loads it.

    Attributes
    ----------
    image_id : str
    image_path : Path
    label_paths : tuple of Path
        One label file, or one mask per nucleus when `native`.
    fold : int
    group : str
        Images of one group share a fold; without a group column, the image id.
    cluster : str
        Image type, ``""`` when unknown.
    native : bool
        The layout of the Data Science Bowl 2018: `label_paths` are masks of single nuclei.
    """

    image_id: str
    image_path: Path
    label_paths: tuple[Path, ...]
    fold: int = 0
    group: str = ""
    cluster: str = ""
    native: bool = False

    def read_labels(self, shape: tuple[int, int] | None = None) -> tuple[np.ndarray, CleaningNotes]:
        """Return the labels as they are stored, (H, W) int32; masks are merged, see `merge_masks`.

        The shape is that of the image; outlines that do not tell it themselves need it.

        Raises
        ------
        InputError
            A file cannot be read, or masks differ in shape.
        """
        if self.native:
            return merge_masks(self.label_paths)
        return read_label_file(self.label_paths[0], shape), CleaningNotes()

    def read(
        self, cleaning: CleaningConfig | None = None
    ) -> tuple[np.ndarray, np.ndarray, CleaningNotes]:
        """Read the image and its cleaned labels.

        Returns
        -------
        image : (H, W) or (H, W, C) ndarray
            See `read_image`.
        labels : (H, W) int32 ndarray
            Numbered 1..n, see `clean_labels`.
        notes : CleaningNotes
            Counts of what was repaired.

        Raises
        ------
        InputError
            A file cannot be read.
        DatasetError
            Image and labels differ in shape.
        """
        image = read_image(self.image_path)
        labels, merged = self.read_labels(image.shape[:2])
        if image.shape[:2] != labels.shape:
            raise DatasetError(
                f"{self.label_paths[0]}: is {_by(labels)} pixels, its image {self.image_path.name} "
                f"{_by(image)}",
                "export the labels at the size of the image",
            )
        labels, cleaned = clean_labels(labels, cleaning)
        return image, labels, merged + cleaned


@dataclass(frozen=True)
class Dataset:
    """The records of a folder, sorted by id.

    Attributes
    ----------
    folder : Path
    records : tuple of Record
    folds_from : str
        Where the folds come from: ``"table"``, or ``"made"`` here.
    """

    folder: Path
    records: tuple[Record, ...]
    folds_from: str = "made"

    def __len__(self) -> int:
        return len(self.records)

    @property
    def folds(self) -> tuple[int, ...]:
        """The fold numbers that occur, ascending."""
        return tuple(sorted({record.fold for record in self.records}))

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters that occur, sorted."""
        return tuple(sorted({record.cluster for record in self.records}))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the ids and the content of every image and label file.

        Neither the place of the folder, nor file times, nor folds enter. Reads every file once.
        """
        digest = hashlib.sha256()
        for record in self.records:
            _feed(digest, record.image_id.encode())
            for path in (record.image_path, *record.label_paths):
                _feed(digest, read_bytes(path))
        return digest.hexdigest()


def load_dataset(
    folder: str | Path,
    table: str | Path | None = None,
    group: str | None = None,
    folds: int = 4,
    seed: int = 0,
) -> Dataset:
    """Find the images of a dataset and their folds; pixels are read later, by `Record.read`.

    Parameters
    ----------
    folder : str or Path
        ``images/`` + ``labels/``, or the native layout; see `find_pairs`.
    table : str or Path, optional
        CSV with the column ``image_id`` and optionally ``fold``, ``cluster`` and a group column;
        by default ``folder/folds.csv`` if it exists.
    group : str, optional
        Column of images that must share a fold; by default ``group`` or ``mosaic`` if there.
    folds, seed : int
        How to make folds when the table has none; see `make_folds`. A fold column wins.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        No pairs, images without labels, a missing column, ids that only the table or only the
        folder has, folds that are no numbers or that part a group, or too few images.
    InputError
        The table cannot be read.
    """
    folder = Path(folder)
    pairs = find_pairs(folder)
    ids = [pair.image_id for pair in pairs]
    if table is None and (folder / DEFAULT_TABLE).is_file():
        table = folder / DEFAULT_TABLE
    if table is None:
        if group is not None:
            raise DatasetError(
                f"{folder}: has no table with the column {group!r}", "name one with --table"
            )
        dealt = _deal(folder, ids, None, folds, seed)
        return Dataset(folder, tuple(_record(p, f) for p, f in zip(pairs, dealt, strict=True)))

    content = read_image_table(table)
    _check_ids(content, ids, folder)
    groups = _groups(content, ids, group)
    known = "cluster" in content.columns
    clusters = [content.rows[i]["cluster"] if known else "" for i in ids]
    if "fold" in content.columns:
        dealt = _given_folds(content, ids, groups)
    else:
        dealt = _deal(folder, groups, clusters, folds, seed)
    records = tuple(
        _record(pair, f, g, c) for pair, f, g, c in zip(pairs, dealt, groups, clusters, strict=True)
    )
    return Dataset(folder, records, "table" if "fold" in content.columns else "made")


def _deal(
    folder: Path, groups: list[str], clusters: list[str] | None, folds: int, seed: int
) -> list[int]:
    try:
        return make_folds(groups, clusters, folds=folds, seed=seed)
    except DatasetError as error:
        raise DatasetError(f"{folder}: {error.message}", error.hint) from None


def _record(pair: Pair, fold: int, group: str | None = None, cluster: str = "") -> Record:
    return Record(
        image_id=pair.image_id,
        image_path=pair.image_path,
        label_paths=pair.label_paths,
        fold=fold,
        group=group if group is not None else pair.image_id,
        cluster=cluster,
        native=pair.native,
    )


def _check_ids(table: ImageTable, ids: list[str], folder: Path) -> None:
    if unknown := sorted(set(table.rows) - set(ids)):
        raise DatasetError(
            f"{table.path}: {len(unknown)} ids are not in {folder}: {name_some(unknown)}",
            "remove their rows or add the images",
        )
    if lone := sorted(set(ids) - set(table.rows)):
        raise DatasetError(
            f"{table.path}: {len(lone)} images have no row: {name_some(lone)}", "add their rows"
        )


def _groups(table: ImageTable, ids: list[str], group: str | None) -> list[str]:
    """Return the group of every image; an empty cell is a group of its own."""
    if group is None:
        group = next((name for name in DEFAULT_GROUPS if name in table.columns), None)
        if group is None:
            return list(ids)
    column = table.column(group)
    return [column[i] or i for i in ids]


def _given_folds(table: ImageTable, ids: list[str], groups: list[str]) -> list[int]:
    dealt = []
    for image_id in ids:
        text = table.rows[image_id]["fold"]
        if not text.isdecimal():
            raise DatasetError(
                f"{table.path}: the fold of {image_id} is {text!r}", "use whole numbers from 0"
            )
        dealt.append(int(text))
    if len(set(dealt)) < 2:
        raise DatasetError(
            f"{table.path}: all images are in fold {dealt[0]}", "use at least 2 folds"
        )
    first: dict[str, int] = {}
    for name, fold in zip(groups, dealt, strict=True):
        if first.setdefault(name, fold) != fold:
            raise DatasetError(
                f"{table.path}: group {name!r} is in the folds {first[name]} and {fold}",
                "keep a group in one fold",
            )
    return dealt


def _by(array: np.ndarray) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"


def _feed(digest: hashlib._Hash, data: bytes) -> None:
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)
