"""Segmentation that reports how far it is, and stops between two tiles when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError

if TYPE_CHECKING:
    from nucleisplit.model import Ensemble
    from nucleisplit.result import Segmentation
    from nucleisplit.segmenter import Segmenter

__all__ = ["LARGEST", "Cancelled", "Models", "count_tiles", "segment", "watched"]

LARGEST = 2**24
"""Pixels of the largest region that is segmented in the viewer, where all of it is in memory."""

_VIEWS = {"none": 1, "flips": 4, "d4": 8}

Say = Callable[[str, float | None], None]
"""Takes what is being done and, where that is known, the share that is done."""


class Cancelled(Exception):
    """The user has thought better of it."""


class Models:
    """The segmenter that was used last, so that a second image does not load the model again."""

    def __init__(self) -> None:
        self._segmenter: Segmenter | None = None

    def get(self, **fields) -> Segmenter:
        """The segmenter with these options, see `nucleisplit.InferOptions`."""
        from nucleisplit.options import InferOptions
        from nucleisplit.segmenter import Segmenter

        options = InferOptions(**fields)
        if self._segmenter is None or options != self._segmenter.options:
            self._segmenter = None
            self._segmenter = Segmenter(options=options)
        return self._segmenter


def segment(
    segmenter: Segmenter,
    image: np.ndarray,
    cut: dict[str, float],
    name: str = "image",
    say: Say = lambda what, share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Segmentation:
    """Segment an image with progress.

    Parameters
    ----------
    segmenter
    image
        (H, W) or (H, W, C).
    cut
        Of ``min_iou``, ``min_area``, ``split_bias`` and ``sensitivity`` those that differ from the
        segmenter's.
    name
        What messages call the image.
    say
        Told before each tile and step.
    cancelled
        Asked before each tile and step; a tile, and the cutting of the maps into nuclei, are
        finished once they have begun.

    Raises
    ------
    Cancelled
        As asked for.
    InputError
        The image is too large for the viewer, or cannot be segmented.
    """
    if image.shape[0] * image.shape[1] > LARGEST:
        raise InputError(
            f"{name}: {image.shape[0]}x{image.shape[1]} pixels are too many for the viewer",
            "draw a smaller region, or use nucleisplit infer",
        )
    total = count_tiles(segmenter.ensemble, image.shape[:2])
    done = 0

    def step(what: str, share: float | None = None) -> None:
        if cancelled():
            raise Cancelled
        say(what, share)

    def before_tile() -> None:
        nonlocal done
        share = None if total == 1 else min(done / total, 0.95)
        step("computing the maps", share)
        done += 1

    with watched(segmenter.ensemble, before_tile):
        result = segmenter.segment(image, name=name)
    step("choosing the nuclei")
    return result.reselect(**cut) if cut else result


def count_tiles(ensemble: Ensemble, shape: tuple[int, int]) -> int:
    """How often the networks are run for an image that is seen at its own scale."""
    from stage1_unet import list_tiles

    count = 0
    for predictor in ensemble.predictors:
        config = predictor.config
        grid = predictor.stride
        padded = [-(-length // grid) * grid for length in shape]
        count += len(list_tiles(padded, config.tile, config.halo, grid)) * _VIEWS[config.tta]
    return count


@contextmanager
def watched(ensemble: Ensemble, before: Callable[[], None]) -> Iterator[None]:
    """Call a function before each run of the networks; what it raises ends the computation."""
    plain = [predictor.backend for predictor in ensemble.predictors]
    for predictor, backend in zip(ensemble.predictors, plain, strict=True):
        predictor.backend = _Watched(backend, before)
    try:
        yield
    finally:
        for predictor, backend in zip(ensemble.predictors, plain, strict=True):
            predictor.backend = backend


class _Watched:
    """A backend of `stage1_unet` that calls a function before it computes."""

    def __init__(self, backend: Any, before: Callable[[], None]) -> None:
        self.name = backend.name
        self._backend = backend
        self._before = before

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self._before()
        return self._backend(batch)
