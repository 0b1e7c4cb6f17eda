"""The same work on every image of a training run, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

_HELD: dict[str, Sequence[np.ndarray]] = {}
"""What a worker process keeps: maps and truths of all images, sent once."""


class ImagePool:
    """Processes that hold the maps and the truth of every image.

    Parameters
    ----------
    maps : sequence of ndarray, shape (3, H, W), uint8
        255 for certainty.
    truths : sequence of ndarray, shape (H, W), int32
    workers : int, optional
        Processes; by default one per core that this process may use.

    Examples
    --------
    >>> with ImagePool([np.zeros((3, 2, 2), np.uint8)], [np.eye(2)], workers=1) as pool:
    ...     pool.map(_count_foreground)
    [2]
    """

    def __init__(
        self,
        maps: Sequence[np.ndarray],
        truths: Sequence[np.ndarray],
        workers: int | None = None,
    ) -> None:
        self.count = len(maps)
        self._executor = ProcessPoolExecutor(
            workers or _cores(), initializer=_hold, initargs=(maps, truths)
        )

    def __enter__(self) -> ImagePool:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def map(self, function: Callable, *each: Iterable, **common: Any) -> list:
        """Call ``function(maps, truth, *own, **common)`` for every image.

        Parameters
        ----------
        function : callable
            Of a module; it is given the maps as float32 in [0, 1].
        *each : iterable
            One more argument per image, each.
        **common
            Arguments that are the same for all.

        Returns
        -------
        list
            One result per image, in their order.
        """
        own = zip(*each, strict=True) if each else [()] * self.count
        jobs = [(function, index, words, common) for index, words in enumerate(own)]
        return list(self._executor.map(_run, jobs, chunksize=4))


def _hold(maps: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> None:
    _HELD.update(maps=maps, truths=truths)


def _run(job: tuple[Callable, int, tuple, dict]) -> Any:
    function, index, own, common = job
    maps = _HELD["maps"][index] / np.float32(255)
    return function(maps, _HELD["truths"][index], *own, **common)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def _count_foreground(maps: np.ndarray, truth: np.ndarray) -> int:
    return int(np.count_nonzero(truth))
