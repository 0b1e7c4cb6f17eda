"""The sample image of the plugin: drawn, so that nothing has to be downloaded."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sample_nuclei"]

_SHAPE = (384, 512)
_PIXEL = 0.5
"""Micrometres."""


def sample_nuclei() -> list[tuple[np.ndarray, dict[str, Any], str]]:
    """Return nuclei in fluorescence, some of them touching, as a layer of napari.

    >>> ((image, meta, kind),) = sample_nuclei()
    >>> image.shape, image.dtype, meta["scale"], kind
    ((384, 512), dtype('uint8'), (0.5, 0.5), 'image')
    """
    from nucleisplit.export.sample import take_sample

    meta = {"name": "nuclei", "scale": (_PIXEL, _PIXEL), "units": ("um", "um")}
    return [(take_sample(_SHAPE)[..., 0], meta, "image")]
