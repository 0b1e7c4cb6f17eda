"""The compact U-Net made for this job: half resolution inside, full resolution outside."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from .network import Network


class PointConv(nn.Conv2d):
    """A 1x1 convolution that skips pixels, which trains at any width.

    In training the pixels are picked first: oneDNN's gradient of a strided 1x1 convolution is
    wrong, or never ends, where it has fewer input channels than a vector of the processor has
    numbers (8 with AVX2; uxlfoundation/oneDNN issue 6035).
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        rows, columns = self.stride
        return nn.functional.conv2d(x[..., ::rows, ::columns], self.weight, self.bias)


class ConvNorm(nn.Sequential):
    """A 3x3 (or 1x1) convolution without bias, then batch normalisation."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            (PointConv if size == 1 and stride > 1 else nn.Conv2d)(
                inputs, outputs, size, stride, padding=size // 2, bias=False
            ),
            nn.BatchNorm2d(outputs),
        )


class Residual(nn.Module):
    """Two convolutions beside an identity (or a 1x1 projection), as in He et al. 2016."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs, stride=stride)
        self.second = ConvNorm(outputs, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.first(x))
        return torch.relu(self.second(y) + self.shortcut(x))


def make_stage(inputs: int, outputs: int, blocks: int, stride: int = 1) -> nn.Sequential:
    """Chain so many residual blocks, the first of which changes width and resolution."""
    rest = [Residual(outputs, outputs) for _ in range(blocks - 1)]
    return nn.Sequential(Residual(inputs, outputs, stride), *rest)


def make_decoder(widths: Sequence[int]) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Return what lifts each level to the next finer one, and the block that refines it there.

    Parameters
    ----------
    widths : sequence of int
        Channels per level, finest first; the last is what the encoder ends with.
    """
    pairs = list(zip(widths[-2::-1], widths[:0:-1], strict=True))
    return (
        nn.ModuleList([ConvNorm(coarse, fine, 1) for fine, coarse in pairs]),
        nn.ModuleList([make_stage(fine, fine, 1) for fine, _ in pairs]),
    )


def decode(
    lift: nn.ModuleList, up: nn.ModuleList, x: torch.Tensor, skips: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Go up from the deepest features `x`, adding the skips (finest first) on the way."""
    for raise_, refine, skip in zip(lift, up, reversed(skips), strict=True):
        deep = nn.functional.interpolate(raise_(x), scale_factor=2.0, mode="nearest")
        x = refine(torch.relu(deep + skip))
    return x


class CompactUnet(Network):
    """A residual U-Net between a space-to-depth stem and a pixel-shuffle head.

    The stem folds 2x2 pixels into channels, so no layer runs at full resolution and no position
    is lost; the head unfolds them again, so the maps are as fine as the image (sub-pixel
    convolution, Shi et al. 2016).

    Parameters
    ----------
    in_channels, classes : int
        Channels of the image and of the maps.
    widths : sequence of int
        Channels per level, the first at half resolution, each next at half of the one before.
    blocks : int
        Residual blocks per level of the encoder (the decoder has one).

    Notes
    -----
    Takes ``(N, in_channels, H, W)`` float32 with H and W multiples of `stride`, returns logits
    ``(N, classes, H, W)``.
    """

    def __init__(
        self, in_channels: int, classes: int, widths: Sequence[int], blocks: int = 1
    ) -> None:
        super().__init__()
        self.stride = 2 ** len(widths)
        self.unfold = nn.PixelUnshuffle(2)
        self.stem = ConvNorm(4 * in_channels, widths[0])
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList([make_stage(widths[0], widths[0], blocks)])
        self.down.extend(make_stage(a, b, blocks, stride=2) for a, b in pairs)
        self.lift, self.up = make_decoder(widths)
        self.head = nn.Conv2d(widths[0], 4 * classes, 3, padding=1)
        self.fold = nn.PixelShuffle(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(self.unfold(x)))
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        return self.fold(self.head(decode(self.lift, self.up, skips.pop(), skips)))
