"""A network in eight-bit integers, calibrated on crops of images (NNCF)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..network import Network
from .base import BackendError
from .convert import convert_network
from .graph import import_quietly, save_graph


def quantize_network(network: Network, batches: Sequence[np.ndarray], path: Path) -> None:
    """Quantise a network after its training, and write it for the backend `openvino-int8`.

    The first convolutions stay as they are: they cost most of the exactness and little of the time.
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
    nncf.set_log_level(logging.WARNING)
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
            ignored_scope=nncf.IgnoredScope(names=first_convolutions(graph)),
        )
    except Exception as error:  # whatever the network or NNCF stumble over
        reason = " ".join(str(error).split())[:200]
        raise BackendError(f"NNCF cannot quantise the network ({reason})") from error
    save_graph(path, quantized, half=True)


def first_convolutions(graph, count: int = 3) -> list[str]:
    """Name the convolutions with fewer than `count` others before them on every way from the image.

    Parameters
    ----------
    graph : openvino.Model
    count : int
    """
    depth: dict[str, int] = {}
    found = []
    for node in graph.get_ordered_ops():
        name = node.get_friendly_name()
        inputs = [value.get_node().get_friendly_name() for value in node.input_values()]
        known = [depth[each] for each in inputs if each in depth]
        if node.get_type_name() == "Parameter":
            depth[name] = 0
        elif known:
            is_convolution = node.get_type_name() in ("Convolution", "GroupConvolution")
            depth[name] = max(known) + is_convolution
            if is_convolution and depth[name] <= count:
                found.append(name)
    return found
