"""What a backend is."""

from __future__ import annotations

from typing import Protocol

import numpy as np

BACKENDS = ("auto", "torch", "openvino", "openvino-bf16", "openvino-int8")
"""The names of the backends; `auto` is the fastest there is, see `list_candidates`."""


class BackendError(ValueError):
    """A backend is not there, or cannot compute a network."""


class MissingTorch(BackendError):
    """What was asked for needs torch, which is not installed."""


class Backend(Protocol):
    """Networks ready to compute; their maps are averaged."""

    name: str
    """One of `BACKENDS`, never `auto`."""

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Compute maps.

        Parameters
        ----------
        batch : ndarray, shape (N, 3, H, W), float32 in [0, 1]
            Contiguous; H and W are multiples of the stride of every network.

        Returns
        -------
        ndarray, shape (N, 3, H, W), float32 in [0, 1]
            In the order of `CHANNELS`; the same whatever was computed before.
        """
        ...

    def release(self) -> None:
        """Give back the memory that computing took; what comes next takes it again."""
        ...
