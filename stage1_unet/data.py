"""Training pairs in memory, and the crops drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset, Sampler

from .augment import MARGIN, build_augmentation
from .config import PreprocessConfig, TrainConfig
from .preprocess import preprocess
from .targets import make_targets


@dataclass(frozen=True)
class Pair:
    """One image with its truth, as training keeps it.

    Attributes
    ----------
    image : ndarray, shape (H, W, 3), uint8
        Preprocessed, in eight bits.
    labels : ndarray, shape (H, W), int32
        0 is background.
    weight : float
        How often crops come from this image, relative to the others.
    """

    image: np.ndarray
    labels: np.ndarray
    weight: float = 1.0

    @classmethod
    def prepare(
        cls,
        image: np.ndarray,
        labels: np.ndarray,
        weight: float = 1.0,
        config: PreprocessConfig | None = None,
    ) -> Pair:
        """Preprocess an image as stored; see `preprocess` for what it may be."""
        scaled = preprocess(image, config)
        return cls(np.rint(scaled * 255).astype(np.uint8), labels.astype(np.int32), weight)


class CropDataset(Dataset):
    """An endless supply of crops: the number of a crop decides all about it.

    Parameters
    ----------
    pairs : sequence of Pair
    config : TrainConfig
    augment : str, optional
        Preset that replaces that of `config`.

    Raises
    ------
    ValueError
        Without pairs.
    """

    def __init__(
        self, pairs: Sequence[Pair], config: TrainConfig, augment: str | None = None
    ) -> None:
        if not pairs:
            raise ValueError("no image to train on")
        self.pairs = list(pairs)
        self.config = config
        self.augmentation = build_augmentation(augment or config.augment, config.crop)
        weights = np.array([pair.weight for pair in pairs], float)
        self.shares = np.cumsum(weights / weights.sum())
        self.centres = [_centres(pair.labels) for pair in pairs]

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return crop `number`: image (3, S, S) float32 in [0, 1], targets (3, S, S) float32."""
        rng = np.random.default_rng((self.config.seed, number))
        index = min(int(np.searchsorted(self.shares, rng.random())), len(self.pairs) - 1)
        image, labels = self._window(index, rng)
        self.augmentation.set_random_seed(int(rng.integers(2**31)))
        crop = self.augmentation(image=image, mask=labels)
        targets = make_targets(crop["mask"].astype(np.int32))
        pixels = crop["image"].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        return torch.from_numpy(pixels), torch.from_numpy(targets)

    def _window(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Cut and zoom a square somewhat larger than a crop; beyond its edge the image mirrors."""
        pair, centres = self.pairs[index], self.centres[index]
        zoom = float(np.exp(rng.uniform(*np.log(self.config.scale))))
        side = int(np.ceil(MARGIN * self.config.crop))
        source = max(2, round(side / zoom))
        reach = self.config.crop / zoom
        if len(centres) and rng.random() < self.config.nuclei_share:
            centre = centres[rng.integers(len(centres))] + rng.uniform(-0.4, 0.4, 2) * reach
        else:
            centre = rng.uniform((0, 0), pair.labels.shape)
        centre = [
            np.clip(at, min(reach, length) / 2, length - min(reach, length) / 2)
            for at, length in zip(centre, pair.labels.shape, strict=True)
        ]
        corner = [round(at - source / 2) for at in centre]
        image, labels = (_cut(array, corner, source) for array in (pair.image, pair.labels))
        shrink = cv2.INTER_AREA if source > side else cv2.INTER_LINEAR
        return (
            cv2.resize(image, (side, side), interpolation=shrink),
            cv2.resize(
                labels.astype(np.float32), (side, side), interpolation=cv2.INTER_NEAREST_EXACT
            ),
        )


class StepSampler(Sampler[int]):
    """The numbers of the crops of one epoch, counted on from the steps done so far.

    An interrupted run thus goes on with the crops it would have met.

    Parameters
    ----------
    steps : int
        Steps per epoch.
    batch : int
        Crops per step, of each process.
    done : callable
        Returns the number of steps done.
    """

    def __init__(self, steps: int, batch: int, done: Callable[[], int]) -> None:
        self.steps = steps
        self.batch = batch
        self.done = done

    def __iter__(self) -> Iterator[int]:
        """Yield the share of this process, when several train together."""
        spread = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if spread else 0
        world = torch.distributed.get_world_size() if spread else 1
        start = self.done() * self.batch * world
        return iter(range(start + rank, start + len(self) * world, world))

    def __len__(self) -> int:
        return self.steps * self.batch


def _centres(labels: np.ndarray) -> np.ndarray:
    """Return one pixel near the middle of each nucleus, shape (n, 2)."""
    rows, columns = np.nonzero(labels)
    ids = labels[rows, columns]
    areas = np.bincount(ids)
    present = np.flatnonzero(areas)
    sums = [np.bincount(ids, weights=axis)[present] for axis in (rows, columns)]
    return np.stack(sums, axis=1) / areas[present, None]


def _cut(array: np.ndarray, corner: Sequence[int], size: int) -> np.ndarray:
    """Cut the square at `corner`; beyond the edges of the array, it mirrors."""
    before = [max(0, -start) for start in corner]
    after = [max(0, start + size - n) for start, n in zip(corner, array.shape, strict=False)]
    top, left = (max(0, start) for start in corner)
    inside = array[top : corner[0] + size, left : corner[1] + size]
    if not any(before + after):
        return inside
    return cv2.copyMakeBorder(
        inside, before[0], after[0], before[1], after[1], cv2.BORDER_REFLECT_101
    )
