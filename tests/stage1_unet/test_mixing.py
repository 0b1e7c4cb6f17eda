import numpy as np
import pytest

from stage1_unet.mixing import SEAM, cut_mix, mix_up


def crop(value, side=40):
    image, targets = np.full((2, 3, side, side), value, np.float32)
    return image, targets, np.ones((1, side, side), np.float32)


def test_cut_mix_keeps_the_targets_of_each_part():
    shares = []
    for seed in range(100):
        image, targets, weights = cut_mix(crop(0), crop(1), np.random.default_rng(seed))
        assert image.dtype == targets.dtype == weights.dtype == np.float32
        assert np.array_equal(image, targets)
        inside = image[0] > 0
        rows, columns = inside.any(axis=1), inside.any(axis=0)
        assert np.array_equal(inside, rows[:, None] & columns)
        shares.append(inside.mean())
    assert min(shares) < 0.05 and max(shares) > 0.6


def test_cut_mix_learns_nothing_at_the_cut_and_only_there():
    image, _, weights = cut_mix(crop(0), crop(1), np.random.default_rng(4))
    inside = np.pad(image[0], SEAM, mode="edge")
    views = np.lib.stride_tricks.sliding_window_view(inside, (2 * SEAM + 1, 2 * SEAM + 1))
    seam = np.ptp(views, axis=(2, 3)) > 0
    assert seam.any() and not seam.all()
    assert np.array_equal(weights[0], np.where(seam, 0, 1))


def test_mix_up_blends_by_one_share_and_keeps_the_uncertain():
    first, second = crop(0), crop(1)
    first[2][:, :5] = 0
    second[2][:, 10] = 3
    shares = []
    for seed in range(50):
        image, targets, weights = mix_up(first, second, np.random.default_rng(seed))
        share = float(image[0, 0, 0])
        assert image.dtype == targets.dtype == weights.dtype == np.float32
        assert (image == image[0, 0, 0]).all() and (targets == image[0, 0, 0]).all()
        assert not weights[:, :5].any() and weights[0, 6] == pytest.approx(1)
        assert weights[0, 10] == pytest.approx(1 + 2 * share, abs=1e-5)
        shares.append(share)
    assert 0.3 < np.mean(shares) < 0.7 and min(shares) < 0.1 and max(shares) > 0.9
