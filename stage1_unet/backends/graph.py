"""A network as a graph of OpenVINO: converted from torch, kept in a file."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import nn

from ..heads import to_maps
from ..network import Network
from .base import BackendError

_TOLERANCE = 1e-3
"""By which the maps of a converted network may differ from those of torch, in float32."""
_KERNELS = 500
"""Most kernels that are kept for sizes seen before; a network needs about forty for each size."""


class _Maps(nn.Module):
    """A network with its head, so that both are one graph."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return to_maps(self.network(x), self.network.config)


def import_quietly(name: str):
    """Import OpenVINO or NNCF, without their reporting of it to their makers.

    Raises
    ------
    BackendError
        It is not installed, or does not run here.
    """
    silenced = "openvino_telemetry" not in sys.modules
    try:
        if silenced:
            # looks as if it were not installed
            cast(dict, sys.modules)["openvino_telemetry"] = None
        return import_module(name)
    except Exception as error:  # a library that does not load may raise anything
        raise BackendError(f"{name} cannot be imported ({error})") from error
    finally:
        if silenced:
            del sys.modules["openvino_telemetry"]


def import_openvino():
    """Import OpenVINO, see `import_quietly`."""
    return import_quietly("openvino")


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


@cache
def _core():
    """The one core of this process, kept to its end.

    Each core gives its thread another stack for signals. Of several that go, one may leave behind
    the stack of another that is gone, and the next signal (Ctrl-C) then ends in a crash.
    """
    return import_openvino().Core()


def compile_graph(graph, precision: str):
    """Make a graph ready to compute on as many cores as torch would.

    Its threads are not bound to cores: several processes would choose the same ones.
    """
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,
        "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS,
    }
    import_openvino()
    return _core().compile_model(graph, "CPU", settings)


def save_graph(path: Path, graph, half: bool = False) -> None:
    """Write a graph to one file, whole or not at all; `half` keeps real numbers in 16 bits."""
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "graph.xml"
        import_openvino().save_model(graph, xml, compress_to_fp16=half)
        text, weights = xml.read_text("utf-8"), np.fromfile(xml.with_suffix(".bin"), np.uint8)
    metadata = {"graph": text, "sha256": _digest(text, weights.tobytes())}
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(save({"weights": weights}, metadata))
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def read_graph(path: Path):
    """Read a graph written by `save_graph`.

    Raises
    ------
    BackendError
        The file is missing, no graph, or has changed.
    """
    import_openvino()
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            weights = file.get_tensor("weights").tobytes()
        text = metadata["graph"]
        if _digest(text, weights) != metadata["sha256"]:
            raise BackendError(f"{path}: has changed since it was written")
        return _core().read_model(text.encode(), weights)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise BackendError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error


def cached_graph(network: Network, name: str, folders: Sequence[Path]):
    """Read the graph of a network from a cache; convert it, and keep it, when it is not there.

    Parameters
    ----------
    network : Module
    name : str
        Begins with the identity of the model, then ``-``; files of other identities that lie
        in the folder are removed when a new one is written.
    folders : sequence of Path
        Read in this order; the first that can be written to is.

    Returns
    -------
    openvino.Model
    """
    file = f"{name}-openvino-{version('openvino')}.safetensors"
    for folder in folders:
        with suppress(BackendError):
            return read_graph(folder / file)
    graph = convert_network(network)
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            save_graph(folder / file, graph)
            for other in folder.glob("*-openvino-*.safetensors"):
                if other.name.split("-")[0] != name.split("-")[0]:
                    other.unlink(missing_ok=True)
            break
    return graph


def _digest(text: str, weights: bytes) -> str:
    return hashlib.sha256(text.encode() + weights).hexdigest()
