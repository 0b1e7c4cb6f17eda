"""Our residual encoder for segmentation-models-pytorch: its finest features are full resolution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from segmentation_models_pytorch.encoders import encoders
from segmentation_models_pytorch.encoders._base import EncoderMixin
from torch import nn

from .compact import ConvNorm, make_stage

WIDTHS = {
    "nucleisplit-residual": (16, 32, 64, 128, 192),
    "nucleisplit-residual-thin": (16, 32, 48, 96, 128),
}
"""Channels per level of each encoder, finest first."""


class ResidualEncoder(nn.Module, EncoderMixin):
    """One residual block per level, the first level at the resolution of the image.

    Common encoders halve the image in their first layer and have no finer skip than that; here
    nothing is halved before the first skip, so that edges stay where they are. The decoder must
    ask its features how large they are rather than double blindly, as that of `unet` does.

    Parameters
    ----------
    widths : sequence of int
        Channels per level, finest first.
    depth : int
        Levels used.
    output_stride : int
        What the library asks for; always 2 ** (depth - 1) here.
    """

    def __init__(self, widths: Sequence[int], depth: int = 5, output_stride: int = 32) -> None:
        super().__init__()
        widths = tuple(widths[:depth])
        self._depth, self._in_channels = depth, 3
        self._out_channels = [3, *widths]
        self._output_stride = 2 ** (depth - 1)
        self.stem = ConvNorm(3, widths[0])
        self.down = nn.ModuleList([make_stage(widths[0], widths[0], 1)])
        self.down.extend(make_stage(a, b, 1, stride=2) for a, b in pairwise(widths))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the image, then the features of each level."""
        features = [x]
        x = torch.relu(self.stem(x))
        for stage in self.down:
            x = stage(x)
            features.append(x)
        return features


for _name, _widths in WIDTHS.items():
    encoders[_name] = {
        "encoder": ResidualEncoder,
        "pretrained_settings": {},
        "params": {"widths": _widths},
    }
