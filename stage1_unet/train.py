"""Train one network on one set of pairs, with checkpoints to go on from."""

from __future__ import annotations

import logging
import math
import signal
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    LearningRateMonitor,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn
from torch.utils.data import DataLoader, Subset

from .config import NetworkConfig, TrainConfig
from .data import CropDataset, Pair, StepSampler
from .losses import bce_dice
from .model import WEIGHTS, build_network, resolve_device, save_network
from .targets import CHANNELS

_CHECKPOINTS, _LAST = "checkpoints", "last"
_LOGS = "log"


def train_network(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    folder: Path,
    network_config: NetworkConfig,
    config: TrainConfig,
    *,
    device: str = "auto",
    initial: nn.Module | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Train a network, or finish training it.

    Parameters
    ----------
    training, validation : sequence of Pair
        What is learnt from, and what only the reported loss is taken on (may be empty).
    folder : Path
        Checkpoints, logs (CSV and TensorBoard) and the weights go here. Called again with the
        same folder after an interruption, training goes on from the last checkpoint; once the
        weights are there, nothing is done.
    network_config : NetworkConfig
    config : TrainConfig
    device : {"auto", "cpu", "cuda", "mps"}
    initial : Module, optional
        A network of the same configuration to start from.
    progress : bool
        Show a progress bar.
    say : callable
        Takes one line per epoch: losses and the time left.

    Returns
    -------
    Path
        The safetensors file.

    Raises
    ------
    ValueError
        When there is nothing to train on, the crop does not fit the network, or the device is
        not available.
    """
    weights = folder / WEIGHTS
    if weights.exists():
        return weights
    pl.seed_everything(config.seed, verbose=False)
    network = build_network(network_config)
    if initial is not None:
        network.load_state_dict(initial.state_dict())
    if config.crop % network.stride:
        raise ValueError(f"crop ({config.crop}) must be a multiple of {network.stride}")
    folder.mkdir(parents=True, exist_ok=True)
    kind = resolve_device(device).type
    module = _Training(network, config)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator={"cuda": "gpu"}.get(kind, kind),
        devices="auto" if kind == "cuda" else 1,
        precision=_precision(config.precision, kind),
        max_epochs=-1,
        max_steps=config.steps,
        gradient_clip_val=config.clip,
        use_distributed_sampler=False,
        logger=_loggers(folder),
        callbacks=_callbacks(folder, config, progress, say),
        log_every_n_steps=min(20, config.epoch_steps),
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
    )
    checkpoint = folder / _CHECKPOINTS / f"{_LAST}.ckpt"
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*(LeafSpec|val_dataloader|does not have many|not empty)"
        )
        _fit(
            trainer,
            module,
            train_dataloaders=_training_loader(training, config, lambda: trainer.global_step),
            val_dataloaders=_validation_loader(validation, config),
            ckpt_path=checkpoint if checkpoint.exists() else None,
            weights_only=True,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.is_global_zero:
        unfinished = weights.with_suffix(".part")
        save_network(unfinished, module.network, network_config)
        unfinished.replace(weights)
        checkpoint.unlink(missing_ok=True)
    return weights


def _fit(trainer: pl.Trainer, *args, **kwargs) -> None:
    """Fit; a SIGTERM ends the process with the exit code that shells give it, not with 0."""
    try:
        trainer.fit(*args, **kwargs)
    except SIGTERMException as error:
        raise SystemExit(128 + signal.SIGTERM) from error


class _Training(pl.LightningModule):
    def __init__(self, network: nn.Module, config: TrainConfig) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.config = config

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        images, targets = batch
        loss = bce_dice(self.network(images.contiguous(memory_format=torch.channels_last)), targets)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        images, targets = batch
        logits = self.network(images.contiguous(memory_format=torch.channels_last))
        self.log("val_loss", bce_dice(logits, targets), prog_bar=True, sync_dist=True)
        hits = (logits > 0).float()
        overlap = 2 * (hits * targets).sum((0, 2, 3))
        dice = overlap / (hits + targets).sum((0, 2, 3)).clamp(min=1)
        for name, value in zip(CHANNELS, dice, strict=True):
            self.log(f"val_dice_{name}", value, sync_dist=True)

    def configure_optimizers(self) -> dict:
        optimizer = torch.optim.AdamW(
            self.network.parameters(), self.config.lr, weight_decay=self.config.weight_decay
        )
        warmup = max(1, round(self.config.warmup * self.config.steps))
        rest = max(1, self.config.steps - warmup)

        def rate(step: int) -> float:
            if step < warmup:
                return (step + 1) / warmup
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / rest)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class _Report(Callback):
    """One line per epoch, with the time left at the pace since this process started."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.start = time.monotonic(), trainer.global_step

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        began, first = self.start
        done, total = trainer.global_step, trainer.max_steps
        if done == first:
            return  # the end of the epoch that the checkpoint was written in
        left = (time.monotonic() - began) / (done - first) * (total - done)
        losses = [
            f"{name} {float(trainer.callback_metrics[key]):.3f}"
            for name, key in (("loss", "train_loss"), ("held out", "val_loss"))
            if key in trainer.callback_metrics
        ]
        self.say(f"  step {done}/{total}  {'  '.join(losses)}  {left / 60:.0f} min left")


def _callbacks(
    folder: Path, config: TrainConfig, progress: bool, say: Callable[[str], None]
) -> list[Callback]:
    callbacks: list[Callback] = [
        ModelCheckpoint(
            folder / _CHECKPOINTS,
            filename=_LAST,
            enable_version_counter=False,
            save_on_train_epoch_end=True,
        ),
        LearningRateMonitor("step"),
        _Report(say),
    ]
    if config.ema > 0:
        callbacks.append(EMAWeightAveraging(decay=config.ema))
    if progress:
        callbacks.append(RichProgressBar())
    return callbacks


def _loggers(folder: Path) -> list[CSVLogger | TensorBoardLogger]:
    """Log each start apart: a logger would empty the folder of an earlier one."""
    start = f"start-{sum(1 for _ in (folder / _LOGS).glob('start-*'))}"
    return [CSVLogger(folder, _LOGS, start), TensorBoardLogger(folder, "tensorboard", start)]


def _precision(asked: str, kind: str) -> str:
    if asked == "auto":
        if kind != "cuda":
            return "32-true"
        asked = "bf16" if torch.cuda.is_bf16_supported() else "16"
    return {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[asked]


def _training_loader(
    pairs: Sequence[Pair], config: TrainConfig, done: Callable[[], int]
) -> DataLoader:
    return DataLoader(
        CropDataset(pairs, config),
        batch_size=config.batch,
        sampler=StepSampler(config.epoch_steps, config.batch, done),
        num_workers=config.workers,
        worker_init_fn=_start_worker,
        persistent_workers=config.workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def _validation_loader(pairs: Sequence[Pair], config: TrainConfig) -> DataLoader | None:
    if not pairs:
        return None
    crops = CropDataset(pairs, config.model_copy(update={"scale": (1.0, 1.0)}), augment="none")
    fixed = [crops[number] for number in range(config.validation_crops)]
    return DataLoader(Subset(fixed, range(len(fixed))), batch_size=config.batch)


def _start_worker(_: int) -> None:
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
