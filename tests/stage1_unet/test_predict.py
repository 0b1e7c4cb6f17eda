from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from stage1_unet import NetworkConfig, PredictConfig, Predictor


class Local(nn.Module):
    """A network that looks three pixels far and tells left from right."""

    stride = 4

    def __init__(self, channels=("body", "border", "separation")):
        super().__init__()
        self.config = NetworkConfig(channels=channels)
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(3, len(channels), 7, padding=3, bias=False)
        with torch.no_grad():
            self.conv.weight.normal_(generator=generator)

    def forward(self, x):
        return self.conv(x)


PLAIN = PredictConfig(rescale=False)


def random_image(shape):
    return np.random.default_rng(0).random((*shape, 3), dtype=np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (3, 70), (64, 64), (130, 97)])
@pytest.mark.parametrize("tta", ["none", "flips", "d4"])
def test_any_size(shape, tta):
    maps = Predictor(Local(), PredictConfig(tta=tta), "cpu").predict(random_image(shape)).maps
    assert maps.shape == (3, *shape) and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() <= 1
    assert np.array_equal(np.rint(maps * 255).astype(np.uint8) / np.float32(255), maps)


def test_tiles_do_not_show():
    image = random_image((150, 210))
    whole = Predictor(Local(), PLAIN, "cpu").predict(image).maps
    config = PredictConfig(tile=64, halo=4, rescale=False)
    tiled = Predictor(Local(), config, "cpu").predict(image).maps
    assert np.abs(whole - tiled).max() <= 1 / 255 + 1e-6  # a sum may round the other way
    assert np.mean(whole != tiled) < 0.01


def test_d4_is_symmetric():
    predictor = Predictor(Local(), PredictConfig(tta="d4"), "cpu")
    image = random_image((32, 32))
    maps = predictor.predict(image).maps
    turned = predictor.predict(np.rot90(image).copy()).maps
    assert np.abs(np.rot90(maps, axes=(1, 2)) - turned).max() <= 1 / 255 + 1e-6
    plain = Predictor(Local(), PredictConfig(), "cpu")
    assert np.abs(plain.predict(image).maps - maps).max() > 0.1


def test_networks_are_averaged():
    first, second = Local(), Local()
    with torch.no_grad():
        second.conv.weight.mul_(-1)
    image = random_image((8, 8))
    both = Predictor([first, second], device="cpu").predict(image).maps
    alone = [Predictor(network, device="cpu").predict(image).maps for network in (first, second)]
    assert np.abs(both - np.mean(alone, axis=0)).max() <= 1.01 / 255


class Bright(nn.Module):
    """Bright pixels are body, the rest of the channels is empty; remembers what it was shown."""

    stride = 8
    config = NetworkConfig()

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(tuple(x.shape[2:]))
        return torch.stack([20 * (x[:, 0] - 0.5), *[torch.full_like(x[:, 0], -99)] * 2], dim=1)


def disks(radius, side, step):
    """Bright disks on a grid, of three colours alike."""
    yy, xx = np.mgrid[:side, :side]
    away = [np.abs((grid + step / 2) % step - step / 2) for grid in (yy - step / 2, xx - step / 2)]
    image = (np.hypot(*away) < radius).astype(np.float32)
    return np.ascontiguousarray(np.broadcast_to(image[..., None], (side, side, 3)))


@pytest.mark.parametrize(
    ("radius", "scale"), [(3, 4), (6, 7 / 3), (7.5, 1), (20, 1), (50, 2 / 7), (100, 1 / 7)]
)
def test_nuclei_outside_the_range_are_rescaled(radius, scale):
    image = disks(radius, 768, max(3 * radius, 16) if radius < 100 else 250)
    network = Bright()
    result = Predictor(network, device="cpu").predict(image)
    assert result.scale == pytest.approx(scale, rel=0.15)
    assert result.radius == pytest.approx(radius, rel=0.1)
    assert result.maps.shape == (3, 768, 768)
    assert network.shown[0] == (768, 768)
    assert len(network.shown) == 1 or scale != 1
    body = result.maps[0] > 0.5
    assert np.mean(body == (image[..., 0] > 0.5)) > 0.97


class Shy(Bright):
    """Misses three pixels of every edge, and so measures small nuclei as even smaller."""

    def forward(self, x):
        return super().forward(-torch.nn.functional.max_pool2d(-x, 7, stride=1, padding=3))


def test_nuclei_that_seem_too_small_are_not_enlarged_too_much():
    result = Predictor(Shy(), device="cpu").predict(disks(7, 256, 24))
    assert 14 / 1.25 < 7 * result.scale - 3 < 14 * 1.25
    assert result.radius * result.scale == pytest.approx(7 * result.scale - 3, rel=0.1)


def test_an_image_of_ordinary_size_costs_one_pass_and_is_as_without_rescaling():
    image = disks(10, 200, 30)
    network = Bright()
    maps = Predictor(network, device="cpu").predict(image).maps
    assert network.shown == [(200, 200)]
    assert np.array_equal(maps, Predictor(network, PLAIN, device="cpu").predict(image).maps)


@pytest.mark.parametrize("image", [np.zeros((64, 64, 3), np.float32), disks(3, 16, 16)])
def test_too_few_nuclei_tell_no_size(image):
    result = Predictor(Bright(), device="cpu").predict(image)
    assert (result.radius, result.scale) == (None, 1)


def test_a_given_diameter_is_believed():
    network = Bright()
    config = PredictConfig(diameter=7)
    result = Predictor(network, config, device="cpu").predict(disks(10, 96, 30))
    assert result.scale == 4 and network.shown == [(384, 384)]
    assert result.radius == pytest.approx(10, rel=0.1)  # what is there, all the same
    config = PredictConfig(diameter=7, rescale=False)
    assert Predictor(network, config, device="cpu").predict(disks(10, 96, 30)).scale == 1


def test_a_large_image_is_measured_on_some_tiles():
    network = Bright()
    config = PredictConfig(tile=64, halo=8)
    result = Predictor(network, config, device="cpu").predict(disks(2, 240, 16))
    assert result.scale == 4
    small = [shape for shape in network.shown if max(shape) <= 64]
    assert len(network.shown) > 400  # 960 x 960 pixels in tiles of 64
    assert network.shown.index((64, 64)) >= 0 and len(small) == len(network.shown)
    assert np.mean((result.maps[0] > 0.5) == (disks(2, 240, 16)[..., 0] > 0.5)) > 0.97


@pytest.mark.parametrize("diameter", [3.5, 20, 40, 60, 300])
def test_tiles_do_not_show_at_any_scale(diameter):
    image = random_image((150, 210))
    fields = {"diameter": diameter}
    whole = Predictor(Local(), PredictConfig(tile=1024, **fields), "cpu").predict(image).maps
    tiled = Predictor(Local(), PredictConfig(tile=64, halo=16, **fields), "cpu").predict(image).maps
    assert np.abs(whole - tiled)[:, :-4, :-4].max() < 0.02  # the rest is beside the filling


def test_scales_are_averaged():
    image = disks(10, 96, 30)
    network = Bright()
    config = PredictConfig(scales=(0.5, 1, 1.5))
    maps = Predictor(network, config, device="cpu").predict(image).maps
    assert sorted(network.shown) == [(48, 48), (96, 96), (144, 144)]
    alone = [
        Predictor(network, PredictConfig(scales=(scale,)), device="cpu").predict(image).maps
        for scale in config.scales
    ]
    assert np.abs(maps - np.mean(alone, axis=0)).max() <= 1.01 / 255
    assert np.abs(alone[0] - alone[1]).max() > 0.1


def test_networks_are_weighted_and_each_counts_where_it_predicts():
    full, body = Local(), Local(("body",))
    image = random_image((8, 8))
    maps = [Predictor(n, PLAIN, "cpu").predict(image).maps for n in (full, body)]
    both = Predictor([full, body], PLAIN, "cpu", weights=[3, 1])
    assert both.channels == ("body", "border", "separation")
    result = both.predict(image).maps
    assert np.abs(result[0] - (0.75 * maps[0][0] + 0.25 * maps[1][0])).max() <= 1.01 / 255
    assert np.abs(result[1:] - maps[0][1:]).max() <= 1.01 / 255
    alone = Predictor(body, PLAIN, "cpu")
    assert alone.channels == ("body",) and alone.predict(image).maps[1:].max() == 0


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, np.inf], [1, np.nan]])
def test_weights_must_fit(weights):
    with pytest.raises(ValueError, match="2 positive weights"):
        Predictor([Local(), Local()], weights=weights)


def test_no_network():
    with pytest.raises(ValueError, match="no network"):
        Predictor([])


def test_halo_must_leave_something():
    with pytest.raises(ValueError, match="twice the halo"):
        PredictConfig(tile=128, halo=64)


@pytest.mark.parametrize(
    "fields",
    [
        {"radius_range": (0, 10)},
        {"radius_range": (8, 10)},
        {"diameter": 0},
        {"diameter": float("inf")},
        {"scales": ()},
        {"scales": (0.1,)},
    ],
)
def test_settings_out_of_range(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        PredictConfig(**fields)


@pytest.mark.parametrize(("radius", "scale"), [(3, 4), (10, 1), (50, Fraction(2, 7))])
def test_samples_tell_the_scale_of_the_whole(radius, scale):
    image = disks(radius, 768, max(3 * radius, 16))
    predictor = Predictor(Bright(), device="cpu")
    maps, found, chosen = predictor.survey([image[:384, :384], image[384:, 384:]])
    assert (chosen, found) == (scale, pytest.approx(radius, rel=0.1))
    assert [part.shape for part in maps] == [(3, 384, 384)] * 2
    assert np.array_equal(predictor.predict_at(image, chosen), predictor.predict(image).maps)
    assert predictor.grid(chosen) * chosen % 8 == 0


def test_a_scale_that_is_given_needs_no_survey():
    image = disks(10, 96, 32)
    for config, scale in (
        (PredictConfig(rescale=False), 1),
        (PredictConfig(diameter=100), Fraction(2, 7)),
    ):
        network = Bright()
        assert Predictor(network, config, "cpu").survey([image])[2] == scale
        assert len(network.shown) == 1


def test_parts_that_begin_and_end_on_the_grid_are_computed_as_the_whole():
    image = random_image((96, 132))
    predictor = Predictor(Local(), PLAIN, "cpu")
    whole = predictor.predict_at(image, scale := Fraction(4, 3))
    grid = predictor.grid(scale)
    part = predictor.predict_at(np.ascontiguousarray(image[2 * grid :, 4 * grid :]), scale)
    inside = (slice(None), slice(8, None), slice(8, None))
    away = np.abs(part[inside] - whole[:, 2 * grid :, 4 * grid :][inside])
    assert away.max() <= 1.01 / 255


def heard(work):
    """The shares that a work tells of."""
    shares = []
    work(shares.append)
    return shares


def test_progress_is_told_before_every_run_of_the_network():
    image = random_image((64, 160))
    config = PredictConfig(rescale=False, tile=128, halo=16, tta="flips", scales=(1, 2))
    network = Bright()
    shares = heard(lambda progress: Predictor(network, config, "cpu").predict(image, progress))
    assert len(shares) == len(network.shown) > 8
    assert shares[0] == 0 and shares == sorted(set(shares)) and shares[-1] < 1
    tiles = (len(shares) - shares.index(0.5)) / 4
    assert shares[shares.index(0.5) + 1] == pytest.approx(0.5 + 0.5 / tiles / 4)


def test_progress_never_falls_though_the_scale_is_changed():
    config = PredictConfig(tile=64, halo=8)
    predictor, image = Predictor(Bright(), config, device="cpu"), disks(3.5, 240, 16)
    shares = heard(lambda progress: predictor.predict(image, progress))
    assert shares == sorted(shares) and shares.count(shares[10]) > 1
    shares = heard(lambda progress: predictor.survey([image[:64], image[64:128]], progress))
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] < 1


@pytest.mark.parametrize("scale", [None, Fraction(1)])
def test_what_the_hook_raises_ends_the_work(scale):
    network, image = Bright(), random_image((100, 300))
    predictor = Predictor(network, PredictConfig(tile=64, halo=8, rescale=False), "cpu")

    def stop(share):
        if share > 0.2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        if scale is None:
            predictor.predict(image, stop)
        else:
            predictor.predict_at(image, scale, stop)
    assert 1 < len(network.shown) < 8
