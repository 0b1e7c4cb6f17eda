"""Training pairs in memory, and the crops drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from .augment import MARGIN, augment, build_augmentation
from .config import PreprocessConfig, TrainConfig
from .copy_paste import NucleusBank
from .mixing import Crop, cut_mix, mix_up
from .preprocess import preprocess
from .sampling import ImageChooser
from .targets import CHANNELS, make_targets
from .window import cut_window, nucleus_centres


@dataclass(frozen=True)
class Pair:
    """One image with its truth, as training keeps it.

    Attributes
    ----------
    image : ndarray, shape (H, W, 3), uint8
        Preprocessed, in eight bits.
    labels : ndarray, shape (H, W), int32
        0 is background; nothing is learnt where it is below 0.
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
    channels, distance
        What the network is to predict, see `make_targets`.
    plain : bool
        Crops as they are, neither zoomed nor augmented, pasted into or mixed: for validation.

    Raises
    ------
    ValueError
        Without pairs.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        config: TrainConfig,
        channels: Sequence[str] = CHANNELS,
        distance: bool = False,
        *,
        plain: bool = False,
    ) -> None:
        if not pairs:
            raise ValueError("no image to train on")
        if plain:
            off = {"augment": "none", "paste_share": 0.0, "mix": "none", "hard_share": 0.0}
            config = config.model_copy(update={"scale": (1.0, 1.0), **off})
        self.pairs = list(pairs)
        self.config, self.channels, self.distance = config, channels, distance
        self.augmentation = build_augmentation(config.augment, config.crop)
        self.chooser = ImageChooser([pair.weight for pair in pairs], config.hard_share)
        self.centres = [nucleus_centres(pair.labels) for pair in pairs]
        self.bank = None
        if config.paste_share:
            self.bank = NucleusBank([p.image for p in pairs], [p.labels for p in pairs])

    def set_difficulty(self, difficulty: np.ndarray) -> None:
        """Tell how hard each image is, so that the hard share of the crops is drawn by it.

        To be called while no crop is being cut, by the process that trains: when an epoch has
        ended, and when a checkpoint has been loaded, before the loader starts. Processes of the
        loader that run already follow. As a crop depends on its number and on the difficulties,
        an interrupted run goes on exactly when these are kept in its checkpoints:

            losses[crops.source(number)] = 0.9 * losses[crops.source(number)] + 0.1 * loss
            ...  # for each crop of a step, whose numbers StepSampler.numbers tells
            crops.set_difficulty(losses)  # on_train_epoch_end, on_load_checkpoint

        Parameters
        ----------
        difficulty : ndarray, shape (n,), float
            One number per pair, such as a running mean of its loss.

        Raises
        ------
        ValueError
            Unless there is one finite number of 0 or more per pair, and one above 0.
        """
        self.chooser.set_difficulty(difficulty)

    def source(self, number: int) -> int:
        """Return the index of the pair that crop `number` comes from (mixed: its first half)."""
        return self.chooser.choose(self._rng(number))

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return crop `number`.

        Returns
        -------
        image : Tensor, shape (3, S, S), float32
            In [0, 1].
        targets : Tensor, shape (K, S, S), float32
            In [0, 1].
        weights : Tensor, shape (1, S, S), float32
            What each pixel counts in the loss: 0 where the truth is uncertain, else 1, or
            1 + `contact_weight` near two nuclei.
        """
        rng = self._rng(number)
        crop = self._crop(self.chooser.choose(rng), rng)
        if self.config.mix != "none" and rng.random() < self.config.mix_share:
            other = self._crop(self.chooser.choose(rng), rng)
            crop = {"mixup": mix_up, "cutmix": cut_mix}[self.config.mix](crop, other, rng)
        image, targets, weights = map(torch.from_numpy, crop)
        return image, targets, weights

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, number))

    def _crop(self, index: int, rng: np.random.Generator) -> Crop:
        """Cut and augment one crop of a pair."""
        image, labels = augment(self.augmentation, *self._window(index, rng), rng)
        labels = labels.astype(np.int32)
        targets = make_targets(labels, self.channels, self.distance)
        weights = (labels >= 0).astype(np.float32)[None]
        if self.config.contact_weight:
            near = make_targets(labels, ("separation",))
            weights *= 1 + np.float32(self.config.contact_weight) * near
        pixels = image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        return pixels, targets, weights

    def _window(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Cut a square somewhat larger than a crop, zoomed, perhaps with nuclei pasted in."""
        pair, centres, config = self.pairs[index], self.centres[index], self.config
        zoom = float(np.exp(rng.uniform(*np.log(config.scale))))
        reach = config.crop / zoom
        if len(centres) and rng.random() < config.nuclei_share:
            centre = centres[rng.integers(len(centres))] + rng.uniform(-0.4, 0.4, 2) * reach
        else:
            centre = rng.uniform((0, 0), pair.labels.shape)
        centre = [
            np.clip(at, min(reach, length) / 2, length - min(reach, length) / 2)
            for at, length in zip(centre, pair.labels.shape, strict=True)
        ]
        side = int(np.ceil(MARGIN * config.crop))
        image, labels = cut_window(pair.image, pair.labels, centre, zoom, side)
        if self.bank is not None and rng.random() < config.paste_share:
            count = int(rng.integers(1, config.paste_nuclei + 1))
            self.bank.paste(image, labels, index, zoom, count, rng)
        return image, labels
