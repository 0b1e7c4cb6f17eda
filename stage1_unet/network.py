"""What all networks have in common."""

from __future__ import annotations

from torch import nn

from .config import NetworkConfig


class Network(nn.Module):
    """A network from images to logits, as `build_network` makes it."""

    config: NetworkConfig
    """What it was built from."""
    stride: int
    """Height and width of its images are multiples of this."""
