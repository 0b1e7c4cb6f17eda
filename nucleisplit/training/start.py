"""What the networks of a run start from: those of a model, or of another run, fold by fold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from nucleisplit.config import RunConfig
from nucleisplit.errors import InputError
from nucleisplit.model import Bundle, load_bundle
from stage1_unet import WEIGHTS, Network, load_network

from .run_folder import TrainingRun

FINE_TUNING_RATE = 5e-4
"""Highest learning rate of networks that are trained already: a quarter of that of fresh ones, so
that a few hundred steps on a few images do not undo what they know."""


@dataclass(frozen=True)
class Start:
    """Trained networks to go on from.

    Attributes
    ----------
    source : Bundle or TrainingRun
        A model gives every fold the same network; a run gives each fold its own, which has not
        seen the fold either.
    """

    source: Bundle | TrainingRun

    @classmethod
    def find(cls, name_or_path: str | Path) -> Start:
        """Open the folder of a run, or else a model by its name or folder.

        Raises
        ------
        BundleError, InputError
            It is neither, or damaged.
        """
        if TrainingRun.is_at(Path(name_or_path)):
            return cls(TrainingRun.open(Path(name_or_path)))
        return cls(load_bundle(name_or_path))

    def settings(self, config: RunConfig) -> RunConfig:
        """Return the settings with its network, and unless one is set the rate for fine-tuning."""
        train = config.train
        if "lr" not in train.model_fields_set:
            train = train.model_copy(update={"lr": FINE_TUNING_RATE})
        return config.model_copy(update={"network": self.source.config.network, "train": train})

    @property
    def fingerprint(self) -> str:
        """Identity of the weights."""
        if isinstance(self.source, Bundle):
            return self.source.fingerprint
        digest = hashlib.sha256()
        for path in sorted(self.source.folder.glob(f"*/{WEIGHTS}")):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def network(self, fold: int | None) -> Network:
        """Return the network to start `fold` (None: the final fit) from.

        Raises
        ------
        InputError
            The run it is taken from has not trained it yet.
        """
        if isinstance(self.source, Bundle):
            return self.source.networks()[0]
        folder = self.source.final_folder if fold is None else self.source.fold_folder(fold)
        try:
            return load_network(folder / WEIGHTS)
        except ValueError as error:
            raise InputError(str(error), "finish that run first") from error

    def check(self, run: TrainingRun) -> str | None:
        """Check that starting `run` from here keeps the held-out images unseen.

        Returns
        -------
        str or None
            A warning, where they may have been seen.

        Raises
        ------
        InputError
            The run it is taken from has other data or folds.
        """
        if isinstance(self.source, Bundle):
            if self.source.manifest.data != run.fingerprint:
                return None
            return (
                f"{self.source.path} was trained on these very images, so out-of-fold scores will "
                "be too good; start from the folder of its run instead"
            )
        told = {"fingerprint": "data", "split": "folds, groups or kinds of the images"}
        for name in ("fingerprint", "folds", "table", "group", "by_kind", "split"):
            before = getattr(self.source, name)
            if before != getattr(run, name) and not (name == "split" and before is None):
                raise InputError(
                    f"{self.source.folder}: has other {told.get(name, name)}",
                    "start from a run with the same data and folds, or from a model",
                )
        return None
