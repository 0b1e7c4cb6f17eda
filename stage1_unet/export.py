"""Networks as one graph that other programs can compute: ONNX and TorchScript."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .heads import list_classes, split_logits, to_maps
from .predict import channel_shares
from .targets import CHANNELS

OPSET = 18
"""Version of the operators of an ONNX graph."""
IMAGE, MAPS = "image", "maps"
"""Names of its input and output."""

_AXES = {0: "batch", 2: "height", 3: "width"}
_TOLERANCE = 1e-4
"""By which the maps of a graph may differ from those of torch."""


class ExportError(ValueError):
    """The networks cannot be made a graph of that kind."""


@dataclass(frozen=True)
class Exported:
    """A graph, ready to be written to a file."""

    content: bytes
    """What the file holds."""
    difference: float
    """By how much its maps differed at most from those of torch, on random images of two sizes."""


def export_onnx(
    networks: Sequence[nn.Module],
    weights: Sequence[float] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Exported:
    """Turn networks into one ONNX graph, their average included.

    Its input ``image`` is (batch, 3, height, width) float32 in [0, 1], as `preprocess` returns it,
    channels first; height and width are multiples of the strides of all networks. Its output
    ``maps`` is of the same shape: probabilities in the order of `CHANNELS`, 0 for those that no
    network predicts.

    Parameters
    ----------
    networks : sequence of Module
        They are moved to the CPU and put into evaluation mode.
    weights : sequence of float, optional
        How much each network counts; by default all alike.
    metadata : mapping of str to str, optional
        Kept in the graph.

    Returns
    -------
    Exported

    Raises
    ------
    ValueError
        Without networks, or for weights that do not fit them.
    ExportError
        onnx, onnxscript or onnxruntime is missing, an operation has no counterpart, or the graph
        computes other maps than torch.
    """
    graph = _MapGraph(networks, weights)
    example = _random_image(2, 2 * graph.stride, 3 * graph.stride)
    dynamic = {axis: torch.export.Dim.DYNAMIC for axis in _AXES}
    with _failures("ONNX"):
        program = torch.onnx.export(
            graph,
            (example,),
            input_names=[IMAGE],
            output_names=[MAPS],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes=(dynamic,),
            external_data=False,
            verbose=False,
        )
        content = _tidy(program.model_proto, metadata or {}).SerializeToString()
        from onnxruntime import InferenceSession

        session = InferenceSession(content, providers=["CPUExecutionProvider"])
        return _checked(content, graph, lambda x: session.run([MAPS], {IMAGE: x.numpy()})[0])


def export_torchscript(
    networks: Sequence[nn.Module], weights: Sequence[float] | None = None
) -> Exported:
    """Turn networks into one TorchScript module, their average included.

    Parameters
    ----------
    networks, weights
        As for `export_onnx`, and so are input and output.

    Returns
    -------
    Exported

    Raises
    ------
    ValueError
        Without networks, or for weights that do not fit them.
    ExportError
        The networks cannot be traced, or the module computes other maps than torch.
    """
    graph = _MapGraph(networks, weights)
    example = _random_image(1, 2 * graph.stride, 3 * graph.stride)
    with _failures("TorchScript"):
        traced = torch.jit.freeze(torch.jit.trace(graph, example, check_trace=False))
        file = io.BytesIO()
        torch.jit.save(traced, file)
        content = _without_sources(file.getvalue())
        module = torch.jit.load(io.BytesIO(content), map_location="cpu")
        return _checked(content, graph, lambda x: module(x).numpy())


class _MapGraph(nn.Module):
    """Networks with their heads and their average: what `to_maps` does, by a 1x1 convolution.

    A graph keeps whatever device it was made on, so nothing here is made on the way.
    """

    def __init__(self, networks: Sequence[nn.Module], weights: Sequence[float] | None) -> None:
        super().__init__()
        if not networks:
            raise ValueError("no network to export")
        self.networks = nn.ModuleList(networks).cpu().eval()
        self.stride = math.lcm(*(network.stride for network in networks))
        self.shares = channel_shares([network.config.channels for network in networks], weights)
        for index, (network, share) in enumerate(zip(networks, self.shares, strict=True)):
            channels = network.config.channels
            softmax = network.config.head == "softmax"
            outputs = list_classes(channels) if softmax else np.eye(len(channels))
            mixer = np.zeros((len(CHANNELS), len(outputs), 1, 1), np.float32)
            for masks, name in zip(np.transpose(outputs), channels, strict=True):
                place = CHANNELS.index(name)
                mixer[place, :, 0, 0] = share[place] * masks
            self.register_buffer(f"mixer_{index}", torch.from_numpy(mixer))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        total = None
        for index, network in enumerate(self.networks):
            logits = split_logits(network(image), network.config)[0]
            softmax = network.config.head == "softmax"
            found = torch.softmax(logits, dim=1) if softmax else torch.sigmoid(logits)
            maps = nn.functional.conv2d(found, getattr(self, f"mixer_{index}"))
            total = maps if total is None else total + maps
        return total.clamp(0, 1)

    def reference(self, image: torch.Tensor) -> np.ndarray:
        """Compute the maps the way predictions are made."""
        shares = torch.from_numpy(self.shares[..., None, None])
        parts = zip(self.networks, shares, strict=True)
        return sum(to_maps(net(image), net.config) * share for net, share in parts).numpy()


class _failures(torch.no_grad):
    """Within this nothing is learnt or warned of, and whatever fails is an `ExportError`."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.quiet = kind, warnings.catch_warnings()

    def __enter__(self) -> None:
        super().__enter__()
        self.quiet.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind, error, trace) -> None:
        self.quiet.__exit__()
        super().__exit__(kind, error, trace)
        if isinstance(error, Exception) and not isinstance(error, ExportError):
            reason = " ".join(str(error).split())[:200]
            raise ExportError(f"{self.kind} cannot express the network ({reason})") from error


def _checked(
    content: bytes, graph: _MapGraph, compute: Callable[[torch.Tensor], np.ndarray]
) -> Exported:
    """Compare with torch, at two sizes: a size that was frozen into the graph shows."""
    difference = 0.0
    for count, rows, columns in ((1, 3, 2), (2, 2, 5)):
        image = _random_image(count, rows * graph.stride, columns * graph.stride)
        maps, expected = compute(image), graph.reference(image)
        if maps.shape != expected.shape:
            raise ExportError(f"the graph computes maps of shape {maps.shape}, {expected.shape}")
        difference = max(difference, float(np.abs(maps - expected).max()))
    if not difference <= _TOLERANCE:
        raise ExportError(f"the graph computes other maps than torch, by up to {difference:.2g}")
    return Exported(content, difference)


def _random_image(count: int, height: int, width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, len(CHANNELS), height, width, generator=generator)
