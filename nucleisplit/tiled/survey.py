"""Get to know a large image by samples, so that all its tiles are treated alike.

How bright the image is, how large its nuclei are and what they are like is measured once, at places
that depend on the image alone. Each tile is then computed with these numbers, and the result does
not depend on how the image is cut into tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from nucleisplit.images import Plane, as_real
from nucleisplit.model import ImageScaling
from nucleisplit.segmenter import Segmenter
from stage1_unet import Progress
from stage2_trees import Overview, survey_maps

__all__ = ["Survey", "contrast", "survey_plane"]

SIDE = 512
"""Side of a sample, pixels."""
GLANCES = 64
"""Samples that are looked at."""
SAMPLES = 12
"""Samples that the network sees, at most."""
SHARE = 1 / 16
"""Of the image that the network sees in samples, at most, if one of them is not more."""
_GOLDEN = (5**0.5 - 1) / 2
_STRIDE = 3
"""Every third pixel and row of a sample tells how bright the image is."""
_BLOCK = 8
"""Contrast is that of means over so many pixels, in which noise goes under."""


@dataclass(frozen=True)
class Survey:
    """What is known of a large image before its tiles are computed."""

    scalings: tuple[ImageScaling, ...]
    """How each model looks at it."""
    overview: Overview
    """What the second stage needs to know."""
    radius: float | None
    """Typical radius of its nuclei, pixels; None when there are too few."""

    @property
    def scale(self) -> float:
        """By which the image is enlarged before the (first) network sees it."""
        return float(self.scalings[0].scale)

    def to_json(self) -> dict:
        """Plain values, from which `from_json` makes the same survey."""
        return {
            "scalings": [scaling.to_json() for scaling in self.scalings],
            "overview": self.overview.to_json(),
            "radius": self.radius,
        }

    @classmethod
    def from_json(cls, values: dict) -> Survey:
        """Read what `to_json` wrote."""
        scalings = tuple(ImageScaling.from_json(scaling) for scaling in values["scalings"])
        return cls(scalings, Overview.from_json(values["overview"]), values["radius"])


def survey_plane(plane: Plane, segmenter: Segmenter, progress: Progress | None = None) -> Survey:
    """Look at samples all over a plane, and let the model see those with the most to see.

    For `progress` see `stage1_unet.Progress`.

    Raises
    ------
    InputError
        A sample cannot be read, or holds NaN or infinity.
    """
    places = _spread(plane.shape[:2])
    glances, contrasts = [], []
    for rows, columns in places[:GLANCES]:
        pixels = plane.read(rows, columns)
        glances.append(pixels[::_STRIDE, ::_STRIDE].reshape(-1, *pixels.shape[2:]))
        contrasts.append(contrast(pixels))
    chosen = _choose(contrasts, plane.shape[:2])
    samples = [plane.read(*places[i]) for i in chosen]
    scalings, maps, radius = segmenter.ensemble.survey(np.concatenate(glances), samples, progress)
    seen = sum(sample.shape[0] * sample.shape[1] for sample in samples)
    overview = survey_maps(
        maps,
        segmenter.regressor,
        segmenter.bundle.config.forest,
        share=seen / (plane.shape[0] * plane.shape[1]),
        min_area=segmenter.cut.min_area,
        selection=segmenter.selection,
    )
    return Survey(tuple(scalings), overview, radius)


def contrast(pixels: np.ndarray) -> float:
    """Span from the darkest to the brightest place, in units of the image.

    Parameters
    ----------
    pixels : (h, w) or (h, w, C) ndarray

    Examples
    --------
    >>> contrast(np.repeat([[0, 10]], 16, axis=0).repeat(16, axis=1))
    10.0
    """
    height, width = (max(1, length // _BLOCK) for length in pixels.shape[:2])
    real = as_real(pixels)
    small = cv2.resize(real, (width, height), interpolation=cv2.INTER_AREA)
    return float(np.ptp(small, axis=(0, 1)).max())


def _spread(shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Cut a plane into samples, in an order in which the first few lie all over it."""
    rows, columns = ([*range(0, length, SIDE), length] for length in shape)
    places = [
        (slice(top, bottom), slice(left, right))
        for top, bottom in pairwise(rows)
        for left, right in pairwise(columns)
    ]
    return [places[i] for i in sorted(range(len(places)), key=lambda i: i * _GOLDEN % 1)]


def _choose(contrasts: Sequence[float], shape: tuple[int, int]) -> list[int]:
    """Number the samples to be seen: the first of those with at least half the usual contrast.

    On a slide most of the image is empty, and tells nothing of its nuclei.
    """
    count = min(SAMPLES, max(1, int(shape[0] * shape[1] * SHARE / SIDE**2)))
    enough = np.quantile(contrasts, 0.9) / 2
    return [i for i, value in enumerate(contrasts) if value >= enough][:count]
