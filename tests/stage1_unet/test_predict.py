import numpy as np
import pytest
import torch
from torch import nn

from stage1_unet import PredictConfig, Predictor
from stage1_unet.predict import _spans


class Local(nn.Module):
    """A network that looks three pixels far and tells left from right."""

    stride = 4

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(3, 3, 7, padding=3, bias=False)
        with torch.no_grad():
            self.conv.weight.normal_(generator=generator)

    def forward(self, x):
        return self.conv(x)


def random_image(shape):
    return np.random.default_rng(0).random((*shape, 3), dtype=np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (64, 64), (130, 97)])
@pytest.mark.parametrize("tta", ["none", "flips", "d4"])
def test_any_size(shape, tta):
    maps = Predictor(Local(), PredictConfig(tta=tta), "cpu").predict(random_image(shape))
    assert maps.shape == (3, *shape) and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() <= 1
    assert np.array_equal(np.rint(maps * 255).astype(np.uint8) / np.float32(255), maps)


def test_tiles_do_not_show():
    image = random_image((150, 210))
    whole = Predictor(Local(), PredictConfig(tile=256), "cpu").predict(image)
    tiled = Predictor(Local(), PredictConfig(tile=64, halo=4), "cpu").predict(image)
    assert np.abs(whole - tiled).max() <= 1 / 255 + 1e-6  # a sum may round the other way
    assert np.mean(whole != tiled) < 0.01


def test_d4_is_symmetric():
    predictor = Predictor(Local(), PredictConfig(tta="d4"), "cpu")
    image = random_image((32, 32))
    maps = predictor.predict(image)
    turned = predictor.predict(np.rot90(image).copy())
    assert np.abs(np.rot90(maps, axes=(1, 2)) - turned).max() <= 1 / 255 + 1e-6
    plain = Predictor(Local(), PredictConfig(), "cpu")
    assert np.abs(plain.predict(image) - maps).max() > 0.1


def test_networks_are_averaged():
    first, second = Local(), Local()
    with torch.no_grad():
        second.conv.weight.mul_(-1)
    image = random_image((8, 8))
    both = Predictor([first, second], device="cpu").predict(image)
    alone = [Predictor(network, device="cpu").predict(image) for network in (first, second)]
    assert np.abs(both - np.mean(alone, axis=0)).max() <= 1.01 / 255


@pytest.mark.parametrize("stride", [4, 32])
def test_spans_cover_an_axis_once_on_the_grid(stride):
    config = PredictConfig(tile=128, halo=10)
    for length in (32, 128, 160, 1248):
        spans = _spans(length, config, stride)
        kept = np.concatenate([np.arange(inner.start, inner.stop) for _, inner in spans])
        assert np.array_equal(kept, np.arange(length))
        assert all(outer.start % stride == outer.stop % stride == 0 for outer, _ in spans)
        assert all(outer.stop - outer.start <= config.tile + stride for outer, _ in spans)


def test_no_network():
    with pytest.raises(ValueError, match="no network"):
        Predictor([])


def test_halo_must_leave_something():
    with pytest.raises(ValueError, match="twice the halo"):
        PredictConfig(tile=128, halo=64)
