"""Graphs of networks that were converted before, kept in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from .base import BackendError
from .graph import read_graph, save_graph

if TYPE_CHECKING:
    from ..network import Network


def cached_graph(network: Callable[[], Network], name: str, folders: Sequence[Path]):
    """Read the graph of a network from a cache; convert it, and keep it, when it is not there.

    Parameters
    ----------
    network : callable
        Returns the network, where it has to be converted.
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
    built = network()
    from .convert import convert_network  # imports torch, which is slow

    graph = convert_network(built)
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            save_graph(folder / file, graph)
            for other in folder.glob("*-openvino-*.safetensors"):
                if other.name.split("-")[0] != name.split("-")[0]:
                    other.unlink(missing_ok=True)
            break
    return graph
