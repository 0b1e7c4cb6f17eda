"""Segmentation that reports how far it is, and stops between two tiles when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import Cancelled, InputError

if TYPE_CHECKING:
    from nucleisplit.result import Segmentation
    from nucleisplit.segmenter import Segmenter

__all__ = ["LARGEST", "Models", "segment"]

LARGEST = 2**24
"""Pixels of the largest region that is segmented in the viewer, where all of it is in memory."""

Say = Callable[[str, float | None], None]
"""Takes what is being done and, where that is known, the share that is done."""


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
    cut: dict[str, Any],
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
        What `Segmentation.reselect` takes, where it differs from the segmenter's.
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

    def hear(share: float) -> None:
        if cancelled():
            raise Cancelled("cancelled")
        if share < 1:
            say("computing the maps", share or None)
        else:
            say("choosing the nuclei", None)

    result = segmenter.segment(image, name=name, progress=hear)
    return result.reselect(**cut) if cut else result
