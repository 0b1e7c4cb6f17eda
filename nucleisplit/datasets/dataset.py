"""Datasets: pairs of image and labels with their fold, group and kind, from one folder or more."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from nucleisplit.errors import DatasetError
from nucleisplit.files import read_bytes
from nucleisplit.images import read_image
from nucleisplit.labels import read_label_file
from nucleisplit.names import name_some

from .clean import CleaningConfig, CleaningNotes, clean_labels
from .folds import make_folds, share_out
from .image_table import ImageTable, read_image_table
from .masks import merge_masks
from .pairs import PairFiles, find_pairs

__all__ = ["Dataset", "Record", "load_dataset"]

NO_FOLD = -1
"""Fold of a record to which none has been dealt yet."""

DEFAULT_TABLES = ("folds.csv", "group.csv")
DEFAULT_GROUPS = ("group", "mosaic")
KIND_COLUMNS = ("kind", "cluster")


@dataclass(frozen=True)
class Record:
    """One image of a dataset; `read` loads it.

    Attributes
    ----------
    image_id : str
        Of several folders, with the name of its folder before it: ``FOLDER/STEM``.
    image_path : Path
    label_paths : tuple of Path
        One label file, or one mask per nucleus when `native`.
    fold : int
        `NO_FOLD` until folds have been made.
    group : str
        Images of one group share a fold; without a group column, the image id.
    kind : str
        Kind of image, such as a stain or a laboratory; ``""`` when unknown.
    native : bool
        The layout of the Data Science Bowl 2018: `label_paths` are masks of single nuclei.
    """

    image_id: str
    image_path: Path
    label_paths: tuple[Path, ...]
    fold: int = 0
    group: str = ""
    kind: str = ""
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
    """The records of one folder or of several, sorted by id within each.

    Attributes
    ----------
    folders : tuple of Path
    records : tuple of Record
    folds_from : str
        Where the folds come from: ``"table"``, or ``"made"`` here, all or some of them.
    """

    folders: tuple[Path, ...]
    records: tuple[Record, ...]
    folds_from: str = "made"

    def __len__(self) -> int:
        return len(self.records)

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders))

    @property
    def folds(self) -> tuple[int, ...]:
        """The fold numbers that occur, ascending."""
        return tuple(sorted({record.fold for record in self.records}))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that occur, sorted."""
        return tuple(sorted({record.kind for record in self.records}))

    @cached_property
    def kind_folds(self) -> dict[str, int]:
        """For each kind, the fold whose network is to see none of it.

        Kinds are dealt out by size, the largest first, each to the fold that is to miss the fewest
        images by then. With fewer kinds than folds, some networks miss no kind.

        Raises
        ------
        DatasetError
            All images are of one kind, so that no network could learn without it.
        """
        sizes = Counter(record.kind for record in self.records)
        if len(sizes) < 2:
            raise DatasetError(
                f"{self}: all {len(self)} images are of one kind",
                "name the kinds in a column kind of its table, or train on several datasets",
            )
        return share_out(sizes, self.folds)

    def weights(self) -> list[float]:
        """How often each image is to be drawn: each kind by the square root of its size."""
        sizes = Counter(record.kind for record in self.records)
        return [sizes[record.kind] ** -0.5 for record in self.records]

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
    folders: str | Path | Sequence[str | Path],
    table: str | Path | None = None,
    group: str | None = None,
    folds: int = 4,
    seed: int = 0,
) -> Dataset:
    """Find the images of a dataset and their folds; pixels are read later, by `Record.read`.

    Parameters
    ----------
    folders : str, Path or sequence of them
        ``images/`` + ``labels/``, or the native layout; see `find_pairs`. Several folders make one
        dataset: each is a kind of its own unless its table has kinds, and a group never reaches
        beyond its folder. Kinds named in a column ``kind`` hold across folders, those in a column
        ``cluster`` within theirs.
    table : str or Path, optional
        CSV with the column ``image_id`` (or ``stem``) and optionally ``fold``, ``kind`` (or
        ``cluster``) and a group column; by default ``folds.csv`` or ``group.csv`` of the folder
        if it exists. Only for one folder.
    group : str, optional
        Column of images that must share a fold; by default ``group`` or ``mosaic`` if there. Only
        for one folder.
    folds, seed : int
        How to make folds where the table has none; see `make_folds`. A fold column wins, and other
        folders are dealt out to its folds.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        No pairs, images without labels, a missing column, ids that only the table or only the
        folder has, folds that are no numbers or that part a group, too few images, or folders
        of one name.
    InputError
        A table cannot be read.
    """
    paths = [Path(f) for f in ([folders] if isinstance(folders, (str, Path)) else folders)]
    if len(paths) == 1:
        records = _read_folder(paths[0], table, group)
    else:
        records = _read_folders(paths, table, group)
    dataset = Dataset(tuple(paths), tuple(records), "table")
    without = [record for record in records if record.fold == NO_FOLD]
    if not without:
        return dataset
    numbers = sorted({r.fold for r in records} - {NO_FOLD}) or range(folds)
    groups, kinds = [r.group for r in without], [r.kind for r in without]
    try:
        dealt = iter(make_folds(groups, kinds, folds=len(numbers), seed=seed))
    except DatasetError as error:
        raise DatasetError(f"{dataset}: {error.message}", error.hint) from None
    done = [r if r.fold != NO_FOLD else replace(r, fold=numbers[next(dealt)]) for r in records]
    return replace(dataset, records=tuple(done), folds_from="made")


def _read_folders(
    paths: Sequence[Path], table: str | Path | None, group: str | None
) -> list[Record]:
    """List the records of several folders, so named that those of one stem stay apart."""
    if not paths:
        raise DatasetError("no dataset to load", "name at least one folder")
    if table is not None or group is not None:
        raise DatasetError(
            f"{len(paths)} datasets cannot share one table or group column",
            "put a folds.csv into each",
        )
    names = [path.resolve().name for path in paths]
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise DatasetError(
            f"{len(paths)} datasets, of which {names.count(twice[0])} are called {twice[0]!r}",
            "give each folder a name of its own, their images are told apart by it",
        )
    records = []
    for path, name in zip(paths, names, strict=True):
        for record in _read_folder(path, None, None, name):
            image_id, group = f"{name}/{record.image_id}", f"{name}/{record.group}"
            records.append(replace(record, image_id=image_id, group=group))
    return records


def _read_folder(
    folder: Path, table: str | Path | None, group: str | None, name: str = ""
) -> list[Record]:
    """List the records of one folder; with a name of its own, it is a kind unless it has some."""
    pairs = find_pairs(folder)
    ids = [pair.image_id for pair in pairs]
    if table is None:
        table = next((folder / t for t in DEFAULT_TABLES if (folder / t).is_file()), None)
    if table is None:
        if group is not None:
            raise DatasetError(
                f"{folder}: has no table with the column {group!r}", "name one with --table"
            )
        return [_record(pair, NO_FOLD, pair.image_id, name) for pair in pairs]
    content = read_image_table(table)
    _check_ids(content, ids, folder)
    groups = _groups(content, ids, group)
    column = next((c for c in KIND_COLUMNS if c in content.columns), None)
    kinds = [content.rows[i][column] if column else "" for i in ids]
    if column != "kind" and name:
        kinds = [f"{name}/{kind}" if kind else name for kind in kinds]
    folds = (
        _given_folds(content, ids, groups) if "fold" in content.columns else [NO_FOLD] * len(ids)
    )
    return [_record(*row) for row in zip(pairs, folds, groups, kinds, strict=True)]


def _record(pair: PairFiles, fold: int, group: str, kind: str) -> Record:
    return Record(
        image_id=pair.image_id,
        image_path=pair.image_path,
        label_paths=pair.label_paths,
        fold=fold,
        group=group,
        kind=kind,
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
