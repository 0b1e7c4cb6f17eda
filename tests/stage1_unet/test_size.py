from fractions import Fraction

import numpy as np
import pytest

from stage1_unet.size import (
    choose_scale,
    piece_areas,
    resize,
    resize_maps,
    snap_scale,
    typical_radius,
)


def test_pieces_are_parted_by_the_separation():
    maps = np.zeros((3, 6, 12), np.float32)
    maps[0, 1:5, 1:11] = 0.9
    maps[2, :, 6] = 0.8
    maps[0, 0, 0] = 1  # a speck
    assert piece_areas(maps).tolist() == [20, 16]
    assert len(piece_areas(np.zeros((3, 4, 4), np.float32))) == 0


def test_fragments_and_an_artefact_do_not_decide():
    nuclei = np.full(20, 314)
    assert typical_radius(nuclei) == pytest.approx(10, rel=0.01)
    assert typical_radius(np.append(nuclei, [9] * 60)) == pytest.approx(10, rel=0.01)
    assert typical_radius(np.append(nuclei, 31400)) == pytest.approx(10, rel=0.01)
    assert typical_radius(np.array([314, 314])) is None


@pytest.mark.parametrize(
    ("radius", "scale"), [(7, 1), (28, 1), (6.9, 2), (30, 0.5), (1, 4), (1e6, 1 / 8)]
)
def test_the_scale_leads_to_the_middle(radius, scale):
    assert float(choose_scale(radius, (7, 28))) == pytest.approx(scale, rel=0.1)


def test_scales_are_small_fractions():
    for scale in np.geomspace(0.01, 100, 50):
        snapped = snap_scale(scale)
        assert isinstance(snapped, Fraction) and snapped.denominator <= 8
        assert float(snapped) == pytest.approx(np.clip(scale, 1 / 8, 4), rel=0.15)


def test_resizing_keeps_values_and_means():
    image = np.random.default_rng(0).random((12, 8, 3), dtype=np.float32)
    assert resize(image, (12, 8)) is image
    assert np.allclose(resize(image, (6, 4)), image.reshape(6, 2, 4, 2, 3).mean((1, 3)))
    large = resize(image, (36, 16))
    assert large.shape == (36, 16, 3) and large.dtype == np.float32
    assert image.min() <= large.min() and large.max() <= image.max()
    maps = np.ascontiguousarray(image.transpose(2, 0, 1))
    assert np.array_equal(resize_maps(maps, (36, 16)).transpose(1, 2, 0), large)
