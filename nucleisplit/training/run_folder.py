"""The folder of a training run: what it was started with, what it has made so far."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit import __version__
from nucleisplit.config import RunConfig, validated
from nucleisplit.datasets import Dataset, Record, load_dataset
from nucleisplit.errors import InputError, OutputError
from nucleisplit.files import replacing, write_json
from stage1_unet import WEIGHTS

_MANIFEST = "run.json"
_STAGE_1 = ("preprocess", "network", "train", "pseudo", "predict")
"""The sections of the configuration that a run depends on; the others belong to the trees."""
_REMEDY = "give a folder written by nucleisplit train-unet"

IN_KIND, OUT_OF_KIND = "in kind", "out of kind"
"""The two sorts of out-of-fold maps: the network has seen other images of the kind, or none."""
_FOLDERS = {IN_KIND: "maps", OUT_OF_KIND: "maps-out-of-kind"}


def networks_of(dataset: Dataset, by_kind: bool) -> list[dict[str, int]]:
    """Say, for each image, which fold's network makes its maps of each sort.

    By kind, network K learns neither from the images of fold K nor from the kinds that are dealt to
    K (`Dataset.kind_folds`). So the network of an image's own fold makes its maps in kind, and that
    of its kind's fold those out of kind: one set of networks serves both. Where the two folds are
    one, no network has seen the kind without the image, and the image has maps out of kind only.
    """
    if not by_kind:
        return [{IN_KIND: record.fold} for record in dataset.records]
    networks = []
    for record in dataset.records:
        unseen = dataset.kind_folds[record.kind]
        in_kind = {} if record.fold == unseen else {IN_KIND: record.fold}
        networks.append(in_kind | {OUT_OF_KIND: unseen})
    return networks


def split_fingerprint(dataset: Dataset, by_kind: bool) -> str:
    """SHA-256 (hex) of which network leaves out which image."""
    networks = networks_of(dataset, by_kind)
    plan = [[r.image_id, own] for r, own in zip(dataset.records, networks, strict=True)]
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _changes(name: str, before: Any, now: Any) -> str:
    """Name what has changed, where it is more than a fingerprint."""
    if name == "config":
        parts = [
            f"[{section}] {key}: {value}, was {before[section].get(key)}"
            for section, values in now.items()
            for key, value in values.items()
            if value != before[section].get(key)
        ]
        return f" ({'; '.join(parts)})"
    return f" ({now}, was {before})" if name in ("folds", "table", "group") else ""


@dataclass(frozen=True)
class TrainingRun:
    """A folder with ``run.json``, ``fold-K/``, ``final/``, ``maps/`` and ``maps-out-of-kind/``.

    Attributes
    ----------
    folder : Path
    data : tuple of Path
        Folders of the dataset.
    table, group : str or None
        How its folds were asked for, see `load_dataset`.
    folds : int
        How many folds were asked for.
    fingerprint : str
        Of the dataset's content.
    config : RunConfig
        Only the sections of stage 1 are kept in ``run.json``.
    initial : str or None
        Fingerprint of what the networks start from, see `Start`.
    pseudo : str or None
        Fingerprint of the unlabelled images that were added, and of the model that labelled them.
    by_kind : bool
        Whether each network but the final one also leaves out whole kinds, see `networks_of`.
    split : str or None
        Fingerprint of which network leaves out which image; None in runs of earlier versions.
    """

    folder: Path
    data: tuple[Path, ...]
    table: str | None
    group: str | None
    folds: int
    fingerprint: str
    config: RunConfig
    initial: str | None = None
    pseudo: str | None = None
    by_kind: bool = False
    split: str | None = None

    def start(self) -> None:
        """Write ``run.json``, or check that the run there is this one.

        Raises
        ------
        OutputError
            The folder holds something else, or a run with other data or settings.
        """
        self.refuse_other(self.folder)
        manifest = self.folder / _MANIFEST
        if not manifest.exists():
            write_json(manifest, self._to_dict())
            return
        earlier = TrainingRun.open(self.folder)
        before, now = earlier._to_dict(), self._to_dict()
        for name in (
            "fingerprint",
            "folds",
            "table",
            "group",
            "by_kind",
            "split",
            "config",
            "initial",
            "pseudo",
        ):
            if before[name] != now[name]:
                what = {
                    "fingerprint": "data",
                    "by_kind": "--by-kind",
                    "split": "folds, groups or kinds of the images",
                    "initial": "--init",
                    "pseudo": "--pseudo",
                    "config": "settings",
                }.get(name, name)
                raise OutputError(
                    f"{self.folder}: was started with other {what}"
                    + _changes(name, before[name], now[name]),
                    "repeat its command to go on, or name another folder",
                )

    @classmethod
    def refuse_other(cls, folder: Path) -> None:
        """Raise `OutputError` where a folder, or file, is there that is no training run."""
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder}: is a file", "name another folder")
        if not cls.is_at(folder) and folder.is_dir() and any(folder.iterdir()):
            raise OutputError(
                f"{folder}: is not empty and not a training run", "name another folder"
            )

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Tell whether a folder is a training run."""
        return (folder / _MANIFEST).is_file()

    @classmethod
    def open(cls, folder: Path) -> TrainingRun:
        """Read ``run.json``.

        Raises
        ------
        InputError
            The folder is not a training run.
        """
        manifest = Path(folder) / _MANIFEST
        try:
            values = json.loads(manifest.read_text(encoding="utf-8"))
            data = values["data"]
            return cls(
                folder=Path(folder),
                data=tuple(map(Path, [data] if isinstance(data, str) else data)),
                table=values["table"],
                group=values["group"],
                folds=int(values["folds"]),
                fingerprint=values["fingerprint"],
                config=validated(values["config"], source=manifest),
                initial=values.get("initial"),
                pseudo=values.get("pseudo"),
                by_kind=bool(values.get("by_kind", False)),
                split=values.get("split"),
            )
        except FileNotFoundError as error:
            raise InputError(
                f"{folder}: is not a training run (no {_MANIFEST})", _REMEDY
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{manifest}: is not a training run ({error})", _REMEDY) from error

    def _to_dict(self) -> dict:
        return {
            "nucleisplit": __version__,
            "data": [str(folder.resolve()) for folder in self.data],
            "table": self.table,
            "group": self.group,
            "folds": self.folds,
            "fingerprint": self.fingerprint,
            "initial": self.initial,
            "pseudo": self.pseudo,
            "by_kind": self.by_kind,
            "split": self.split,
            "config": {name: self.config.to_dict()[name] for name in _STAGE_1},
        }

    def with_stage_2(self, config: RunConfig | None) -> RunConfig:
        """Return the run's own configuration of stage 1 with that of `config` for stage 2."""
        own = {name: getattr(self.config, name) for name in _STAGE_1}
        return (config or RunConfig()).model_copy(update=own)

    def fold_folder(self, fold: int) -> Path:
        """Where the network that has not seen `fold` is trained."""
        return self.folder / f"fold-{fold}"

    @property
    def final_folder(self) -> Path:
        """Where the network that has seen everything is trained."""
        return self.folder / "final"

    @property
    def final_weights(self) -> Path:
        """The network that has seen everything."""
        return self.final_folder / WEIGHTS

    def load_dataset(self) -> Dataset:
        """Return the dataset that the run was started with.

        Raises
        ------
        InputError
            Its images, labels, folds or kinds have changed since.
        """
        dataset = load_dataset(self.data, self.table, self.group, self.folds)
        if dataset.fingerprint != self.fingerprint or self.split not in (
            None,
            split_fingerprint(dataset, self.by_kind),
        ):
            raise InputError(
                f"{dataset}: has changed since {self.folder} was trained",
                "restore the data and their folds, or train the networks again",
            )
        return dataset

    def _maps_path(self, record: Record, sort: str) -> Path:
        return self.folder / _FOLDERS[sort] / f"{record.image_id}.npy"

    def has_maps(self, record: Record, sort: str = IN_KIND) -> bool:
        """Tell whether the out-of-fold maps of an image are there."""
        return self._maps_path(record, sort).exists()

    def write_maps(self, record: Record, maps: np.ndarray, sort: str = IN_KIND) -> None:
        """Keep the out-of-fold maps of an image, (3, H, W) in [0, 1], in eight bits."""
        with replacing(self._maps_path(record, sort)) as path, path.open("wb") as file:
            np.save(file, np.rint(maps * 255).astype(np.uint8), allow_pickle=False)

    def read_maps(self, record: Record, sort: str = IN_KIND) -> np.ndarray:
        """Return the out-of-fold maps of an image, (3, H, W) uint8, 255 for certainty.

        Raises
        ------
        InputError
            They are not there, or damaged.
        """
        path = self._maps_path(record, sort)
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read ({error})", "repeat nucleisplit train-unet to finish it"
            ) from error

    def check_complete(self, dataset: Dataset) -> None:
        """Raise `InputError` when the networks or maps of the run are not all there."""
        missing = sum(
            not all(self.has_maps(record, sort) for sort in networks)
            for record, networks in zip(
                dataset.records, networks_of(dataset, self.by_kind), strict=True
            )
        )
        if missing or not self.final_weights.exists():
            raise InputError(
                f"{self.folder}: training of the networks is not finished "
                f"({missing} of {len(dataset)} images lack maps)",
                "repeat its nucleisplit train-unet command, it resumes",
            )
