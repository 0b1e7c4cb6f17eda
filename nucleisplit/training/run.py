"""The folder of a training run: what it was started with, what it has made so far."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucleisplit import __version__
from nucleisplit.config import RunConfig, validated
from nucleisplit.errors import InputError, OutputError
from nucleisplit.io import Dataset, Record, replacing, write_json
from stage1_unet import WEIGHTS

_MANIFEST = "run.json"
_STAGE_1 = ("preprocess", "network", "train", "pseudo", "predict")
"""The sections of the configuration that a run depends on; the others belong to the trees."""
_REMEDY = "give a folder written by nucleisplit train-unet"


@dataclass(frozen=True)
class TrainingRun:
    """A folder with ``run.json``, ``fold-K/``, ``final/`` and ``maps/``.

    Attributes
    ----------
    folder : Path
    data : Path
        Folder of the dataset.
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
    """

    folder: Path
    data: Path
    table: str | None
    group: str | None
    folds: int
    fingerprint: str
    config: RunConfig
    initial: str | None = None
    pseudo: str | None = None

    def start(self) -> None:
        """Write ``run.json``, or check that the run there is this one.

        Raises
        ------
        OutputError
            The folder holds something else, or a run with other data or settings.
        """
        manifest = self.folder / _MANIFEST
        if not manifest.exists():
            if self.folder.is_dir() and any(self.folder.iterdir()):
                raise OutputError(
                    f"{self.folder}: is not empty and not a training run", "name another folder"
                )
            write_json(manifest, self._to_dict())
            return
        earlier = TrainingRun.open(self.folder)
        before, now = earlier._to_dict(), self._to_dict()
        for name in ("fingerprint", "folds", "table", "group", "config", "initial", "pseudo"):
            if before[name] != now[name]:
                what = {"fingerprint": "data", "initial": "--init", "pseudo": "--pseudo"}.get(
                    name, name
                )
                raise OutputError(
                    f"{self.folder}: was started with other {what}",
                    "repeat its command to go on, or name another folder",
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
            return cls(
                folder=Path(folder),
                data=Path(values["data"]),
                table=values["table"],
                group=values["group"],
                folds=int(values["folds"]),
                fingerprint=values["fingerprint"],
                config=validated(values["config"], source=manifest),
                initial=values.get("initial"),
                pseudo=values.get("pseudo"),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{manifest}: is not a training run ({error})", _REMEDY) from error

    def _to_dict(self) -> dict:
        return {
            "nucleisplit": __version__,
            "data": str(self.data.resolve()),
            "table": self.table,
            "group": self.group,
            "folds": self.folds,
            "fingerprint": self.fingerprint,
            "initial": self.initial,
            "pseudo": self.pseudo,
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

    def _maps_path(self, record: Record) -> Path:
        return self.folder / "maps" / f"{record.image_id}.npy"

    def has_maps(self, record: Record) -> bool:
        """Tell whether the out-of-fold maps of an image are there."""
        return self._maps_path(record).exists()

    def write_maps(self, record: Record, maps: np.ndarray) -> None:
        """Keep the out-of-fold maps of an image, (3, H, W) in [0, 1], in eight bits."""
        with replacing(self._maps_path(record)) as path, path.open("wb") as file:
            np.save(file, np.rint(maps * 255).astype(np.uint8), allow_pickle=False)

    def read_maps(self, record: Record) -> np.ndarray:
        """Return the out-of-fold maps of an image, (3, H, W) uint8, 255 for certainty.

        Raises
        ------
        InputError
            They are not there, or damaged.
        """
        path = self._maps_path(record)
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read ({error})", "repeat nucleisplit train-unet to finish it"
            ) from error

    def check_complete(self, dataset: Dataset) -> None:
        """Raise `InputError` when the networks or maps of the run are not all there."""
        missing = sum(not self.has_maps(record) for record in dataset.records)
        if missing or not self.final_weights.exists():
            raise InputError(
                f"{self.folder}: training of the networks is not finished "
                f"({missing} of {len(dataset)} images lack maps)",
                "repeat its nucleisplit train-unet command, it goes on where it was",
            )
