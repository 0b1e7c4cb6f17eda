"""From a network of torch to a graph of OpenVINO."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import nn

from ..heads import to_maps
from ..network import Network
from .base import BackendError
from .graph import compile_graph, import_openvino

_TOLERANCE = 1e-3
"""By which the maps of a converted network may differ from those of torch, in float32."""


class _Maps(nn.Module):
    """A network with its head, so that both are one graph."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return to_maps(self.network(x), self.network.config)


def convert_network(network: Network):
    """Turn a network into a graph that takes any number of images of any size.

    Parameters
    ----------
    network : Module
        From `build_network` or `load_network`.

    Returns
    -------
    openvino.Model
        Float32 images ``(N, 3, H, W)`` to maps ``(N, 3, H, W)``, see `to_maps`.

    Raises
    ------
    BackendError
        OpenVINO lacks an operation, or the graph computes other maps than the network.
    """
    openvino = import_openvino()
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    whole = _Maps(network.cpu().eval())
    sides = 2 * network.stride, 3 * network.stride
    try:
        with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing warns of what is checked below
            traced = torch.jit.trace(
                whole, torch.zeros(1, 3, sides[0], sides[0]), check_trace=False
            )
            frontend = openvino.frontend.FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(traced)
            graph = frontend.convert(frontend.load(decoder))
            graph.reshape(openvino.PartialShape([-1, 3, -1, -1]))
            _check_graph(graph, whole, sides)
    except BackendError:
        raise
    except Exception as error:  # whatever the network or OpenVINO stumble over
        reason = " ".join(str(error).split())[:200]
        raise BackendError(f"OpenVINO cannot convert the network ({reason})") from error
    return graph


def _check_graph(graph, whole: nn.Module, sides: tuple[int, int]) -> None:
    """Compare with torch, at two sizes: a size that was frozen into the graph shows."""
    compiled = compile_graph(graph, "f32")
    for count, height, width in ((1, sides[0], sides[0]), (2, sides[1], sides[0])):
        x = torch.linspace(0, 40, count * 3 * height * width).sin().abs()
        x = x.view(count, 3, height, width)
        maps = compiled([x.numpy()])[0]
        expected = whole(x).numpy()
        if maps.shape != expected.shape or not np.abs(maps - expected).max() <= _TOLERANCE:
            raise BackendError("OpenVINO computes other maps than torch for this network")
