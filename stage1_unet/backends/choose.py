"""Which backend: the one asked for, or the fastest there is."""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..network_file import NetworkFile
from ..processor import BF16, computes_in
from .base import BACKENDS, Backend, BackendError, MissingTorch
from .cached import cached_graph
from .graph import read_graph
from .with_openvino import OpenVinoBackend

if TYPE_CHECKING:
    from ..network import Network

_LOG = logging.getLogger(__name__)


def list_candidates(device: str, quantized: bool) -> list[str]:
    """List the backends for a device, the fastest first.

    On a GPU it is torch; on x86-64 processors OpenVINO: in int8, which is faster with and without
    instructions for it, in bfloat16 where there are such; elsewhere OpenVINO is not known to be
    faster, and has to be asked for.

    Parameters
    ----------
    device : str
    quantized : bool
        Whether there are networks in int8.

    Returns
    -------
    list of str
        Of `BACKENDS`; the last is `torch`.
    """
    names = []
    if device == "cpu" and platform.machine().lower() in ("x86_64", "amd64"):
        names += ["openvino-int8"] if quantized else []
        names += ["openvino-bf16"] if computes_in(BF16) else []
        names += ["openvino"]
    return [*names, "torch"]


def open_backend(
    name: str,
    networks: Sequence[Network | NetworkFile],
    shares: np.ndarray,
    device: str,
    *,
    identity: str = "",
    cache: Sequence[Path] = (),
    quantized: Sequence[Path] = (),
) -> Backend:
    """Make networks ready to compute.

    Parameters
    ----------
    name : str
        Of `BACKENDS`. `auto` takes the first of `list_candidates` that can compute the networks.
    networks : sequence of Network or NetworkFile
    shares : ndarray, shape (len(networks), 3), float32
        From `channel_shares`.
    device : str
        OpenVINO takes ``cpu`` only.
    identity : str
        Changes with any weight of any network: by it, converted networks are known in the cache.
    cache : sequence of Path
        Folders for converted networks, see `cached_graph`; none: converted each time.
    quantized : sequence of Path
        Files written by `quantize_network`, one for each network; none if there are none.

    Returns
    -------
    Backend

    Raises
    ------
    BackendError
        The name is unknown, or the backend asked for is not there or cannot compute a network.
    """
    if name not in BACKENDS:
        raise BackendError(f"backend is {name!r}, not one of {', '.join(BACKENDS)}")
    names = list_candidates(device, bool(quantized)) if name == "auto" else [name]
    for candidate in names[:-1]:
        try:
            return _open(candidate, networks, shares, device, identity, cache, quantized)
        except BackendError as error:
            _LOG.debug("not computed by %s: %s", candidate, error)
    return _open(names[-1], networks, shares, device, identity, cache, quantized)


def _built(network: Network | NetworkFile) -> Network:
    if not isinstance(network, NetworkFile):
        return network
    try:
        return network.build()
    except ImportError as error:
        raise MissingTorch(f"it needs torch, which cannot be imported ({error})") from error


def _open(name, networks, shares, device, identity, cache, quantized) -> Backend:
    if name == "torch":
        built = [_built(network) for network in networks]
        from .with_torch import TorchBackend  # slow to import

        return TorchBackend(built, shares, device)
    if device != "cpu":
        raise BackendError(f"backend {name} computes on the CPU, not on {device}")
    if name == "openvino-int8":
        if len(quantized) != len(networks):
            raise BackendError("the model holds no network in int8")
        graphs = [read_graph(path) for path in quantized]
    else:
        folders = cache if identity else ()
        graphs = [
            cached_graph(partial(_built, network), f"{identity}-{index}", folders)
            for index, network in enumerate(networks)
        ]
    try:
        return OpenVinoBackend(name, graphs, shares, "bf16" if name.endswith("bf16") else "f32")
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise BackendError(f"OpenVINO cannot compile the network ({reason})") from error
