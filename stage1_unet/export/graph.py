"""Networks, their heads and their average as one module, and the check of what it became."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..heads import list_classes, split_logits, to_maps
from ..network import Network
from ..predict import channel_shares
from ..targets import CHANNELS

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


class MapGraph(nn.Module):
    """Networks, their heads and their average: images to maps, as `to_maps` makes them.

    What each network finds goes into the maps by a 1x1 convolution. Nothing is made on the way,
    because a graph remembers the device that it was made on.

    Parameters
    ----------
    networks : sequence of Module
        They are moved to the CPU and put into evaluation mode.
    weights : sequence of float, optional
        How much each network counts; by default all alike.

    Raises
    ------
    ValueError
        Without networks, or for weights that do not fit them.
    """

    def __init__(self, networks: Sequence[Network], weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if not networks:
            raise ValueError("no network to export")
        self.networks = nn.ModuleList(networks)
        self.configs = [network.config for network in networks]
        self.stride = math.lcm(*(network.stride for network in networks))
        self.shares = channel_shares([network.config.channels for network in networks], weights)
        for index, (network, share) in enumerate(zip(networks, self.shares, strict=True)):
            channels, softmax = network.config.channels, network.config.head == "softmax"
            outputs = list_classes(channels) if softmax else np.eye(len(channels))
            mixer = np.zeros((len(CHANNELS), len(outputs), 1, 1), np.float32)
            for name, masks in zip(channels, np.transpose(outputs), strict=True):
                place = CHANNELS.index(name)
                mixer[place, :, 0, 0] = share[place] * masks
            self.register_buffer(f"mixer_{index}", torch.from_numpy(mixer))
        self.cpu().eval()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        parts = []
        for index, (network, config) in enumerate(zip(self.networks, self.configs, strict=True)):
            logits = split_logits(network(image), config)[0]
            softmax = config.head == "softmax"
            found = torch.softmax(logits, dim=1) if softmax else torch.sigmoid(logits)
            parts.append(nn.functional.conv2d(found, getattr(self, f"mixer_{index}")))
        return sum(parts[1:], start=parts[0]).clamp(0, 1)

    def expected(self, image: torch.Tensor) -> np.ndarray:
        """Compute the maps the way predictions are made."""
        shares = torch.from_numpy(self.shares[..., None, None])
        parts = zip(self.networks, self.configs, shares, strict=True)
        maps = [to_maps(net(image), config) * share for net, config, share in parts]
        return torch.stack(maps).sum(dim=0).numpy()


@contextmanager
def failing_as(kind: str) -> Iterator[None]:
    """Within this nothing is learnt or warned of, and whatever fails is an `ExportError`."""
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ExportError:
        raise
    except Exception as error:  # whatever the network or the exporter stumble over
        reason = " ".join(str(error).split())[:200]
        raise ExportError(f"the network cannot be written as {kind} ({reason})") from error


def check(
    content: bytes, graph: MapGraph, compute: Callable[[torch.Tensor], np.ndarray]
) -> Exported:
    """Compare with torch, at two sizes: a size that was frozen into the graph shows.

    Raises
    ------
    ExportError
        The maps differ.
    """
    difference = 0.0
    for count, rows, columns in ((1, 3, 2), (2, 2, 5)):
        image = random_image(count, rows * graph.stride, columns * graph.stride)
        maps, expected = compute(image), graph.expected(image)
        if maps.shape != expected.shape:
            raise ExportError(f"the graph makes maps of shape {maps.shape} of {expected.shape}")
        difference = float(np.maximum(difference, np.abs(maps - expected).max()))  # NaN stays
    if not difference <= _TOLERANCE:
        raise ExportError(f"the graph computes other maps than torch, by up to {difference:.2g}")
    return Exported(content, difference)


def random_image(count: int, height: int, width: int) -> torch.Tensor:
    """Draw (count, 3, height, width) float32 in [0, 1), always the same."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, height, width, generator=generator)
