"""Which image each crop comes from, and which crops each step takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler


class ImageChooser:
    """Draws images by their weights, and a share of them by how hard they are.

    Parameters
    ----------
    weights : sequence of float
        How often each image is drawn, relative to the others.
    hard_share : float
        Share drawn by difficulty instead, once `set_difficulty` has been called.
    """

    def __init__(self, weights: Sequence[float], hard_share: float = 0.0) -> None:
        self.shares = torch.from_numpy(_cumulated(np.asarray(weights, float)))
        self.hard_share = hard_share
        # Shared with the processes of the loader, which would not see a change otherwise.
        self.hard_shares = self.shares.clone().share_memory_() if hard_share else self.shares

    def set_difficulty(self, difficulty: np.ndarray) -> None:
        """Draw the hard share in proportion to `difficulty` from now on.

        Raises
        ------
        ValueError
            Unless there is one finite number of 0 or more per image, and one above 0.
        """
        difficulty = np.asarray(difficulty, float)
        if difficulty.shape != tuple(self.shares.shape):
            raise ValueError(
                f"difficulty has shape {difficulty.shape}, there are {len(self.shares)} images"
            )
        if not (np.isfinite(difficulty).all() and difficulty.min() >= 0 < difficulty.max()):
            raise ValueError("difficulty must be finite, 0 or more, and above 0 somewhere")
        if self.hard_share:
            self.hard_shares.copy_(torch.from_numpy(_cumulated(difficulty)))

    def choose(self, rng: np.random.Generator) -> int:
        """Return the index of an image."""
        hard = self.hard_share and rng.random() < self.hard_share
        shares = (self.hard_shares if hard else self.shares).numpy()
        return min(int(np.searchsorted(shares, rng.random(), side="right")), len(shares) - 1)


def _cumulated(weights: np.ndarray) -> np.ndarray:
    return np.cumsum(weights / weights.sum())


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
        return iter(self._numbers(self.done(), self.steps))

    def numbers(self, step: int) -> range:
        """Return the crops that this process meets in one step, counted from the first of all."""
        return self._numbers(step, 1)

    def _numbers(self, first: int, steps: int) -> range:
        spread = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if spread else 0
        world = torch.distributed.get_world_size() if spread else 1
        start, count = first * self.batch * world, steps * self.batch * world
        return range(start + rank, start + count, world)

    def __len__(self) -> int:
        return self.steps * self.batch
