"""Networks computed by OpenVINO on the CPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from .graph import compile_graph


class OpenVinoBackend:
    """Graphs computed by OpenVINO, one size of image as well as another.

    Parameters
    ----------
    name : str
        As in `BACKENDS`.
    graphs : sequence of openvino.Model
    shares : ndarray, shape (len(graphs), 3), float32
        From `channel_shares`.
    precision : {"f32", "bf16"}
        In which real numbers are computed.
    """

    def __init__(
        self, name: str, graphs: Sequence, shares: np.ndarray, precision: str = "f32"
    ) -> None:
        self.name = name
        self._compiled = [compile_graph(graph, precision) for graph in graphs]
        self._shares = shares[..., None, None]
        self._lock = threading.Lock()  # a compiled graph computes one batch at a time

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        with self._lock:
            return sum(
                compiled([batch])[0] * share
                for compiled, share in zip(self._compiled, self._shares, strict=True)
            )

    def release(self) -> None:
        with self._lock:
            for compiled in self._compiled:
                compiled.release_memory()
