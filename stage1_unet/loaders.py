"""The loaders of a training: endless crops to learn from, fixed held-out crops and images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from .config import NetworkConfig, TrainConfig
from .data import CropDataset, Pair
from .sampling import StepSampler

SCORED_SIDE = 512
"""Of larger held-out images, the middle of this side is scored, pixels."""


def training_loader(
    pairs: Sequence[Pair], network: NetworkConfig, config: TrainConfig, done: Callable[[], int]
) -> DataLoader:
    """Return the loader of training crops; `done` tells the number of steps done so far."""
    return DataLoader(
        CropDataset(pairs, config, network.channels, network.distance),
        batch_size=config.batch,
        sampler=StepSampler(config.epoch_steps, config.batch, done),
        num_workers=config.workers,
        worker_init_fn=_start_worker,
        persistent_workers=config.workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def validation_loaders(
    pairs: Sequence[Pair], network: NetworkConfig, config: TrainConfig, images: int
) -> list[DataLoader]:
    """Return the loader of fixed crops, and that of the numbers of the images to score."""
    if not pairs:
        return []
    crops = CropDataset(pairs, config, network.channels, network.distance, plain=True)
    fixed = [crops[number] for number in range(config.validation_crops)]
    # anything with a length and an index is a dataset to the loader
    loaders = [DataLoader(cast(Dataset, fixed), batch_size=config.batch)]
    if images:
        loaders.append(DataLoader(cast(Dataset, range(images)), batch_size=None))
    return loaders


def _start_worker(_: int) -> None:
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def images_to_score(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Take so many of the pairs, evenly spread; of large ones, the middle."""
    picks = np.linspace(0, len(pairs) - 1, min(count, len(pairs))).astype(int)
    return [_middle(pairs[pick]) for pick in picks]


def _middle(pair: Pair) -> Pair:
    """Cut the middle out of a large image."""
    start = [max(0, (length - SCORED_SIDE) // 2) for length in pair.labels.shape]
    window = tuple(slice(at, at + SCORED_SIDE) for at in start)
    return Pair(pair.image[window], pair.labels[window])
