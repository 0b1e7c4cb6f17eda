"""What happens beside the steps of a training: checkpoints, averaging, early end, the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    LearningRateMonitor,
    ModelCheckpoint,
)
from torch.utils.data import DataLoader

from .config import TrainConfig
from .data import CropDataset
from .network import Network
from .sampling import StepSampler

SCORE = "val_map"
"""Name under which the held-out score is logged."""

ERRORS = "errors"
"""Name under which a training step returns the error of each of its crops."""

_FADING = 0.9
"""How much of an image's difficulty so far stays when another of its crops is met."""

_LAST, _BEST = "last", "best"


def last_checkpoint(folder: Path) -> Path:
    """Where the state to go on from lies."""
    return folder / f"{_LAST}.ckpt"


def best_checkpoint(folder: Path) -> Path:
    """Where the state with the best held-out score lies."""
    return folder / f"{_BEST}.ckpt"


@dataclass(frozen=True)
class Part:
    """The place of one training among those that are done one after the other."""

    before: int = 0
    """Steps of those before."""
    after: int = 0
    """Steps of those that follow."""
    show: Callable[[int, int], None] | None = None
    """Takes the steps done and those to do, of all of them, after each."""


def make_callbacks(
    folder: Path,
    config: TrainConfig,
    loader: DataLoader,
    *,
    scored: bool,
    part: Part,
    say: Callable[[str], None],
) -> list[Callback]:
    """List the callbacks of one training.

    Parameters
    ----------
    folder : Path
        Checkpoints go here, one after every epoch.
    config : TrainConfig
    loader : DataLoader
        From `training_loader`.
    scored : bool
        Whether `SCORE` is logged, so that it can decide.
    part : Part
    say : callable
        Takes one line per epoch.

    Returns
    -------
    list of Callback
    """
    callbacks: list[Callback] = [
        ModelCheckpoint(
            folder,
            filename=_LAST,
            enable_version_counter=False,
            save_on_train_epoch_end=True,
        ),
        LearningRateMonitor("step"),
        Report(say, part.after),
    ]
    if scored and config.keep == "best":
        callbacks.append(
            ModelCheckpoint(
                folder, filename=_BEST, monitor=SCORE, mode="max", enable_version_counter=False
            )
        )
    if scored and config.patience:
        callbacks.append(EarlyStopping(SCORE, mode="max", patience=config.patience))
    if config.ema > 0:
        callbacks.append(EMAWeightAveraging(decay=config.ema))
    if config.hard_share:
        callbacks.append(HardExamples(loader))
    if config.freeze_encoder:
        callbacks.append(FrozenEncoder())
    if part.show is not None:
        callbacks.append(Steps(part, part.show))
    return callbacks


class HardExamples(Callback):
    """Keep how hard each image is, and tell it to the crops after every epoch.

    Parameters
    ----------
    loader : DataLoader
        From `training_loader`.
    """

    def __init__(self, loader: DataLoader) -> None:
        self.crops = cast(CropDataset, loader.dataset)
        self.sampler = cast(StepSampler, loader.sampler)
        self.difficulty = [1.0] * len(self.crops.pairs)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *_: object
    ) -> None:
        numbers = self.sampler.numbers(trainer.global_step - 1)
        for number, error in zip(numbers, outputs[ERRORS].tolist(), strict=True):
            image = self.crops.source(number)
            self.difficulty[image] += (1 - _FADING) * (error - self.difficulty[image])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.crops.set_difficulty(np.array(self.difficulty))

    def state_dict(self) -> dict:
        return {"difficulty": self.difficulty}

    def load_state_dict(self, state_dict: dict) -> None:
        self.difficulty = state_dict["difficulty"]
        self.crops.set_difficulty(np.array(self.difficulty))


class FrozenEncoder(Callback):
    """Keep the running statistics of a frozen encoder as they are, too."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        for module in encoder_modules(cast(Network, pl_module.network)):
            module.eval()


def encoder_modules(network: Network) -> list[torch.nn.Module]:
    """List the parts of a network that come before its decoder."""
    parts = ("encoder",) if hasattr(network, "encoder") else ("stem", "down")
    return [network.get_submodule(part) for part in parts]


class Steps(Callback):
    """Tell how many steps are done, those before an interruption included."""

    def __init__(self, part: Part, show: Callable[[int, int], None]) -> None:
        self.part, self.show = part, show

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        before, after = self.part.before, self.part.after
        self.show(before + trainer.global_step, before + trainer.max_steps + after)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        self.on_train_start(trainer, trainer.lightning_module)


class Report(Callback):
    """One line per epoch: losses, held-out score, share of time spent waiting for crops, time left.

    The time left is told from the pace since this process started, that of the trainings that
    follow included.
    """

    def __init__(self, say: Callable[[str], None], steps_after: int = 0) -> None:
        self.say, self.steps_after = say, steps_after

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.start = time.monotonic(), trainer.global_step
        if trainer.global_step:
            self.say(f"  resumes from step {trainer.global_step} of {trainer.max_steps}")
        self.on_train_epoch_start()  # which is not called within a resumed epoch

    def on_train_epoch_start(self, *_: object) -> None:
        self.mark = time.monotonic()
        self.waiting = self.working = 0.0

    def on_train_batch_start(self, *_: object) -> None:
        self.waiting += self._lap()

    def on_train_batch_end(self, *_: object) -> None:
        self.working += self._lap()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        began, first = self.start
        done, total = trainer.global_step, trainer.max_steps
        if done == first:
            return  # the end of the epoch that the checkpoint was written in
        rest = total - done + self.steps_after
        left = (time.monotonic() - began) / (done - first) * rest
        values = [
            f"{name} {float(trainer.callback_metrics[key]):.3f}"
            for name, key in (("loss", "train_loss"), ("held out", "val_loss"), ("mAP", SCORE))
            if key in trainer.callback_metrics
        ]
        share = self.waiting / max(self.waiting + self.working, 1e-9)
        self.say(
            f"  step {done}/{total}  {'  '.join(values)}  loader {share:.0%}  "
            f"{left / 60:.0f} min left"
        )

    def _lap(self) -> float:
        before, self.mark = self.mark, time.monotonic()
        return self.mark - before
