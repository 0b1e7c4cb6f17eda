"""A network in eight-bit integers, calibrated on crops of images (NNCF)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..network import Network
from .base import BackendError
from .convert import convert_network
from .graph import import_quietly, save_graph


def quantize_network(network: Network, batches: Sequence[np.ndarray], path: Path) -> None:
    """Quantise a network after its training, and write it for the backend `openvino-int8`.

    Weights get one scale for each output channel; the ranges of activations, and the shift that
    rounding brings to the means of channels, are measured on the batches.

    Parameters
    ----------
    network : Module
    batches : sequence of ndarray, shape (N, 3, H, W), float32 in [0, 1]
        Preprocessed crops of many kinds of images; H and W are multiples of its stride.
    path : Path
        The file to write.

    Raises
    ------
    BackendError
        NNCF or OpenVINO are not installed, or cannot quantise the network.
    """
    nncf = import_quietly("nncf")
    graph = convert_network(network)
    try:
        quantized = nncf.quantize(
            graph,
            nncf.Dataset(list(batches)),
            subset_size=len(batches),
            target_device=nncf.TargetDevice.CPU,
            # weights of seven bits: without VNNI, products of eight overflow, and maps differ
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )
    except Exception as error:  # whatever the network or NNCF stumble over
        reason = " ".join(str(error).split())[:200]
        raise BackendError(f"NNCF cannot quantise the network ({reason})") from error
    save_graph(path, quantized, half=True)
