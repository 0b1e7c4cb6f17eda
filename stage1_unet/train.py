"""Train one network on one set of pairs, with checkpoints to go on from."""

from __future__ import annotations

import logging
import math
import signal
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn
from torch.utils.data import DataLoader, Subset

from .callbacks import SCORE, best_checkpoint, encoder_modules, last_checkpoint, make_callbacks
from .config import NetworkConfig, PredictConfig, TrainConfig
from .data import CropDataset, Pair
from .heads import to_maps
from .losses import build_loss
from .model import WEIGHTS, build_network, resolve_device, save_network
from .predict import Predictor
from .sampling import StepSampler
from .targets import CHANNELS

_CHECKPOINTS = "checkpoints"
_LOGS = "log"
_SCORED_SIDE = 512
"""Of larger held-out images, the middle of this side is scored, pixels."""


def train_network(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    folder: Path,
    network_config: NetworkConfig,
    config: TrainConfig,
    *,
    device: str = "auto",
    initial: nn.Module | None = None,
    score: Callable[[np.ndarray, np.ndarray], float] | None = None,
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> Path:
    """Train a network, or finish training it.

    Parameters
    ----------
    training, validation : sequence of Pair
        What is learnt from, and what only losses and scores are taken on (may be empty).
    folder : Path
        Checkpoints, logs (CSV and TensorBoard) and the weights go here. Called again with the
        same folder after an interruption, training goes on from the last checkpoint; once the
        weights are there, nothing is done.
    network_config : NetworkConfig
    config : TrainConfig
    device : {"auto", "cpu", "cuda", "mps"}
    initial : Module, optional
        A network of the same configuration to start from.
    score : callable, optional
        ``score(maps, labels)`` of one image, such as the mAP of a fast fixed watershed; taken on
        held-out images after every epoch. ``keep="best"`` and ``patience`` need it.
    progress : bool
        Show a progress bar.
    say : callable
        Takes one line per epoch: losses, score, the loader's share of the time, the time left.

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
    images = [_middle(pair) for pair in _spread(validation, config.validation_images)]
    images = images if score is not None else []
    module = _Training(network, config, images, score)
    checkpoints = folder / _CHECKPOINTS
    last, best = last_checkpoint(checkpoints), best_checkpoint(checkpoints)
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
        callbacks=make_callbacks(
            checkpoints, config, scored=bool(images), progress=progress, say=say
        ),
        log_every_n_steps=min(20, config.epoch_steps),
        num_sanity_val_steps=0,
        enable_progress_bar=progress,
        enable_model_summary=False,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*(LeafSpec|val_dataloader|does not have many|not empty)"
        )
        _fit(
            trainer,
            module,
            train_dataloaders=_training_loader(
                training, network_config, config, lambda: trainer.global_step
            ),
            val_dataloaders=_validation_loaders(validation, network_config, config, len(images))
            or None,
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    if trainer.is_global_zero:
        if best.exists():
            state = torch.load(best, map_location="cpu", weights_only=True)["state_dict"]
            module.load_state_dict(state)
        unfinished = weights.with_suffix(".part")
        save_network(unfinished, module.network, network_config)
        unfinished.replace(weights)
        last.unlink(missing_ok=True)
        best.unlink(missing_ok=True)
    return weights


def _fit(trainer: pl.Trainer, *args, **kwargs) -> None:
    """Fit; a SIGTERM ends the process with the exit code that shells give it, not with 0."""
    try:
        trainer.fit(*args, **kwargs)
    except SIGTERMException as error:
        raise SystemExit(128 + signal.SIGTERM) from error


class _Training(pl.LightningModule):
    def __init__(
        self,
        network: nn.Module,
        config: TrainConfig,
        images: Sequence[Pair],
        score: Callable[[np.ndarray, np.ndarray], float] | None,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.config = config
        self.loss = build_loss(config, network.config)
        self.images, self.score = images, score
        if config.freeze_encoder:
            for module in encoder_modules(network):
                module.requires_grad_(False)
        # in a list, or its weights would be listed twice
        self.forwards = [torch.compile(network) if config.compile else network]

    def training_step(self, batch: tuple[torch.Tensor, ...], _: int) -> torch.Tensor:
        images, targets, weights = batch
        logits = self.forwards[0](images.contiguous(memory_format=torch.channels_last))
        loss = self.loss(logits, targets, weights)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: object, _: int, dataloader_idx: int = 0) -> None:
        if dataloader_idx:
            self._score(self.images[batch])
        else:
            self._validate(*batch)

    def _validate(self, images: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> None:
        logits = self.network(images.contiguous(memory_format=torch.channels_last))
        keep = {"sync_dist": True, "add_dataloader_idx": False}
        self.log("val_loss", self.loss(logits, targets, weights), prog_bar=True, **keep)
        hits = (to_maps(logits, self.network.config) > 0.5).float()
        for number, name in enumerate(self.network.config.channels):
            hit, truth = hits[:, CHANNELS.index(name)], targets[:, number]
            dice = 2 * (hit * truth).sum() / (hit + truth).sum().clamp(min=1)
            self.log(f"val_dice_{name}", dice, **keep)

    def _score(self, pair: Pair) -> None:
        predictor = Predictor(self.network, PredictConfig(), self.device.type)
        maps = predictor.predict(pair.image / np.float32(255))
        value = self.score(maps, pair.labels)
        self.log(SCORE, value, batch_size=1, sync_dist=True, add_dataloader_idx=False)

    def configure_optimizers(self) -> dict:
        trained = [weight for weight in self.network.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(
            trained, self.config.lr, weight_decay=self.config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _learning_rate(self.config))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def _learning_rate(config: TrainConfig) -> Callable[[int], float]:
    """Return the share of the highest learning rate that is used at each step."""
    warmup = max(1, round(config.warmup * config.steps))
    rest = max(1, config.steps - warmup)
    decay = {
        "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
        "linear": lambda done: 1 - done,
        "constant": lambda done: 1.0,
    }[config.decay]

    def rate(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return decay(min(1.0, (step - warmup) / rest))

    return rate


def _spread(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Take so many of the pairs, evenly spread."""
    picks = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).astype(int)
    return [pairs[pick] for pick in picks]


def _middle(pair: Pair) -> Pair:
    """Cut the middle out of a large image."""
    start = [max(0, (length - _SCORED_SIDE) // 2) for length in pair.labels.shape]
    window = tuple(slice(at, at + _SCORED_SIDE) for at in start)
    return Pair(pair.image[window], pair.labels[window])


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
    pairs: Sequence[Pair], network: NetworkConfig, config: TrainConfig, done: Callable[[], int]
) -> DataLoader:
    return DataLoader(
        CropDataset(pairs, config, network.channels, network.distance),
        batch_size=config.batch,
        sampler=StepSampler(config.epoch_steps, config.batch, done),
        num_workers=config.workers,
        worker_init_fn=_start_worker,
        persistent_workers=config.workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def _validation_loaders(
    pairs: Sequence[Pair], network: NetworkConfig, config: TrainConfig, images: int
) -> list[DataLoader]:
    """Return the loader of fixed crops, and that of the numbers of the images to score."""
    if not pairs:
        return []
    crops = CropDataset(pairs, config, network.channels, network.distance, plain=True)
    fixed = [crops[number] for number in range(config.validation_crops)]
    loaders = [DataLoader(Subset(fixed, range(len(fixed))), batch_size=config.batch)]
    if images:
        loaders.append(DataLoader(range(images), batch_size=None))
    return loaders


def _start_worker(_: int) -> None:
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
