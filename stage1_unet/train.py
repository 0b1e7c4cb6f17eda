"""Train one network on one set of pairs, with checkpoints to go on from."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException

from .callbacks import Part, best_checkpoint, last_checkpoint, make_callbacks
from .config import WEIGHTS, NetworkConfig, TrainConfig
from .data import Pair
from .device import resolve_device
from .loaders import images_to_score, training_loader, validation_loaders
from .model import build_network, save_network
from .module import TrainingModule
from .network import Network
from .processor import BF16, computes_in

_CHECKPOINTS = "checkpoints"
_LOGS = "log"
ALONE = Part()
"""The only training."""


def train_network(
    training: Sequence[Pair],
    validation: Sequence[Pair],
    folder: Path,
    network_config: NetworkConfig,
    config: TrainConfig,
    *,
    device: str = "auto",
    initial: Network | None = None,
    score: Callable[[np.ndarray, np.ndarray], float] | None = None,
    part: Part = ALONE,
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
    part : Part
        Its place among other networks that are trained one after the other, for the time left.
    say : callable
        Takes one line per epoch: losses, score, the loader's share of the time, the time left;
        and of a network to start from the score before and after.

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
    if initial is None:
        network = build_network(network_config)
    else:
        network = build_network(network_config.model_copy(update={"encoder_weights": None}))
        network.load_state_dict(initial.state_dict())
    if config.crop % network.stride:
        raise ValueError(f"crop ({config.crop}) must be a multiple of {network.stride}")
    folder.mkdir(parents=True, exist_ok=True)
    kind = resolve_device(device)
    images = images_to_score(validation, config.validation_images if score else 0)
    module = TrainingModule(network, config, images, score)
    checkpoints = folder / _CHECKPOINTS
    last, best = last_checkpoint(checkpoints), best_checkpoint(checkpoints)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    loader = training_loader(training, network_config, config, lambda: trainer.global_step)
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator={"cuda": "gpu"}.get(kind, kind),
        devices="auto" if kind == "cuda" else 1,
        precision=cast(Any, _precision(config.precision, kind)),
        max_epochs=-1,
        max_steps=config.steps,
        gradient_clip_val=config.clip,
        use_distributed_sampler=False,
        logger=_loggers(folder),
        callbacks=make_callbacks(
            checkpoints,
            config,
            loader,
            scored=bool(images),
            part=part,
            say=say,
        ),
        log_every_n_steps=min(20, config.epoch_steps),
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    before = module.held_out_score() if initial is not None else None
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=".*(LeafSpec|val_dataloader|does not have many|not empty)"
        )
        _fit(
            trainer,
            module,
            train_dataloaders=loader,
            val_dataloaders=validation_loaders(validation, network_config, config, len(images))
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
        if before is not None:
            after = module.held_out_score()
            say(f"  held-out mAP {before:.3f} before, {after:.3f} after")
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


def _loggers(folder: Path) -> list[CSVLogger | TensorBoardLogger]:
    """Log each start apart: a logger would empty the folder of an earlier one."""
    start = f"start-{sum(1 for _ in (folder / _LOGS).glob('start-*'))}"
    return [CSVLogger(folder, _LOGS, start), TensorBoardLogger(folder, "tensorboard", start)]


def _precision(asked: str, kind: str) -> str:
    if asked == "auto" and kind == "cuda":
        asked = "bf16" if torch.cuda.is_bf16_supported() else "16"
    elif asked == "auto":
        asked = "bf16" if kind == "cpu" and computes_in(BF16) else "32"
    return {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[asked]
