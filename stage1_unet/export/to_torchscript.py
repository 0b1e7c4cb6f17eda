"""Networks as a TorchScript module."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import torch

from ..network import Network
from .graph import Exported, MapGraph, check, failing_as, random_image


def export_torchscript(
    networks: Sequence[Network], weights: Sequence[float] | None = None
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
    graph = MapGraph(networks, weights)
    example = random_image(1, 2 * graph.stride, 3 * graph.stride)
    with failing_as("TorchScript"):
        traced = torch.jit.freeze(torch.jit.trace(graph, example, check_trace=False))
        file = io.BytesIO()
        torch.jit.save(traced, file)
        content = _without_sources(file.getvalue())
        module = torch.jit.load(io.BytesIO(content), map_location="cpu")
        return check(content, graph, lambda image: module(image).numpy())


def _without_sources(content: bytes) -> bytes:
    """Leave out where on this machine the code of a module came from."""
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            if not name.endswith(".debug_pkl"):
                new.writestr(name, old.read(name))
    return copy.getvalue()
