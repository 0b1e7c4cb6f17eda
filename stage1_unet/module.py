"""The Lightning module of a training: what is minimised, how, and what is measured beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

from .callbacks import ERRORS, SCORE, encoder_modules
from .config import PredictConfig, TrainConfig
from .data import Pair
from .heads import split_logits, to_maps, to_probabilities
from .losses import build_loss
from .network import Network
from .predict import Predictor
from .targets import CHANNELS


class TrainingModule(pl.LightningModule):
    """Loss, optimiser and held-out measures of one network.

    Parameters
    ----------
    network : Module
        From `build_network`.
    config : TrainConfig
    images : sequence of Pair
        Held-out images to score after every epoch.
    score : callable, optional
        ``score(maps, labels)`` of one image.
    """

    def __init__(
        self,
        network: Network,
        config: TrainConfig,
        images: Sequence[Pair],
        score: Callable[[np.ndarray, np.ndarray], float] | None,
    ) -> None:
        super().__init__()
        self.network: Network = network.to(memory_format=torch.channels_last)
        self.config = config
        self.loss = build_loss(config, network.config)
        self.images = images
        self.score = cast(Callable, score)  # called where there are images only
        if config.freeze_encoder:
            for module in encoder_modules(network):
                module.requires_grad_(False)
        # in a list, or its weights would be listed twice
        self.forwards = [torch.compile(network) if config.compile else network]

    def training_step(self, batch: tuple[torch.Tensor, ...], _: int) -> dict:
        images, targets, weights = batch
        logits = self.forwards[0](images.contiguous(memory_format=torch.channels_last))
        loss = self.loss(logits, targets, weights)
        self.log("train_loss", loss, prog_bar=True)
        with torch.no_grad():
            errors = self._errors(logits, targets, weights) if self.config.hard_share else None
        return {"loss": loss, ERRORS: errors}

    def _errors(
        self, logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean error of the probabilities in each crop, (N,)."""
        masks, _ = split_logits(targets, self.network.config)
        wrong = (to_probabilities(logits, self.network.config) - masks).abs()
        return (wrong * weights).mean((1, 2, 3))

    def validation_step(self, batch: Any, _: int, dataloader_idx: int = 0) -> None:
        if dataloader_idx:
            self._score(self.images[batch])
        else:
            self._validate(*batch)

    def _validate(self, images: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> None:
        logits = self.network(images.contiguous(memory_format=torch.channels_last))
        keep: dict[str, Any] = {"sync_dist": True, "add_dataloader_idx": False}
        self.log("val_loss", self.loss(logits, targets, weights), prog_bar=True, **keep)
        hits = (to_maps(logits, self.network.config) > 0.5).float()
        for number, name in enumerate(self.network.config.channels):
            hit, truth = hits[:, CHANNELS.index(name)], targets[:, number]
            dice = 2 * (hit * truth).sum() / (hit + truth).sum().clamp(min=1)
            self.log(f"val_dice_{name}", dice, **keep)

    def _score(self, pair: Pair) -> None:
        value = self._judge(pair)
        self.log(SCORE, value, batch_size=1, sync_dist=True, add_dataloader_idx=False)

    def _judge(self, pair: Pair) -> float:
        """Score the network, which is put into evaluation mode, on one image."""
        predictor = Predictor(self.network, PredictConfig(rescale=False), self.device.type)
        return self.score(predictor.predict(pair.image / np.float32(255)).maps, pair.labels)

    def held_out_score(self) -> float | None:
        """Score the network as it is on the held-out images; None where there are none."""
        if not self.images:
            return None
        training = self.network.training
        value = float(np.mean([self._judge(pair) for pair in self.images]))
        self.network.train(training)
        return value

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        trained = [weight for weight in self.network.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(
            trained, self.config.lr, weight_decay=self.config.weight_decay
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, learning_rate(self.config))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def learning_rate(config: TrainConfig) -> Callable[[int], float]:
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
