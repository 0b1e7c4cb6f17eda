"""Maps of a stack cut in 3-D."""

import numpy as np
import pytest

from stage2_trees import VolumeConfig, cut_volume
from stage2_trees.volumes import fullness


def ball(shape, centre, radii):
    at = np.moveaxis(np.indices(shape), 0, -1) - np.array(centre)
    return ((at / radii) ** 2).sum(-1) < 1


def sums_of(mask):
    z, y, x = np.nonzero(mask)
    rows = [np.ones(z.size), z, y, x, z * z, y * y, x * x, z * y, z * x, y * x]
    return np.array([[row.sum() for row in rows]])


def soft(*balls, separation=0.0):
    """Maps of balls; where two meet in x, the separation given."""
    maps = np.zeros((3, *balls[0].shape), np.uint8)
    maps[0][np.logical_or.reduce(balls)] = 240
    shared = np.logical_and.reduce(balls)
    maps[2][:, :, shared.any((0, 1))] = round(255 * separation)
    return maps


@pytest.mark.parametrize("radii", [(9, 9, 9), (4, 9, 14), (3, 9, 12)])
def test_ellipsoids_are_full_whatever_their_axes(radii):
    mask = ball((24, 30, 34), (11.3, 14.6, 16.9), radii)
    assert fullness(sums_of(mask))[0] == pytest.approx(1, abs=0.04)


def test_what_is_no_ellipsoid_is_less_full():
    shape = (24, 24, 44)
    pair = ball(shape, (12, 12, 12), 9) | ball(shape, (12, 12, 29), 9)
    assert fullness(sums_of(pair))[0] == pytest.approx(0.82, abs=0.03)
    assert fullness(sums_of(np.ones((9, 9, 9))))[0] == pytest.approx(0.888, abs=0.001)


def test_two_balls_are_two_volumes_and_their_outlines_stay():
    shape = (24, 24, 44)
    one, two = ball(shape, (12, 12, 12), 9), ball(shape, (12, 12, 28), 9)
    labels = cut_volume(soft(one, two, separation=0.6))
    assert labels.dtype == np.int32
    assert ((labels > 0) == (one | two)).all()
    for number, mask in ((labels[12, 12, 12], one), (labels[12, 12, 28], two)):
        found = labels == number
        assert (found & mask).sum() > 0.97 * (found | mask).sum()


def test_a_ball_is_not_cut_by_a_gap_in_its_map():
    one = ball((24, 24, 24), (12, 12, 12), 9)
    maps = soft(one)
    maps[2, :, :, 12] = 150
    assert cut_volume(maps).max() == 1
    assert cut_volume(maps, config=VolumeConfig(split_bias=1)).max() == 2


def test_bias_merges():
    shape = (24, 24, 44)
    maps = soft(ball(shape, (12, 12, 12), 9), ball(shape, (12, 12, 28), 9), separation=0.6)
    counts = [cut_volume(maps, config=VolumeConfig(split_bias=bias)).max() for bias in (-1, 0, 1)]
    assert counts == [1, 2, 2]


def test_holes_are_filled_and_specks_dropped():
    one = ball((24, 24, 30), (12, 12, 12), 9)
    maps = soft(one)
    maps[0, 12, 12, 11:14] = 0
    maps[0, 12, 12, 26] = 255
    assert ((cut_volume(maps) > 0) == one).all()
    assert (cut_volume(maps, config=VolumeConfig(max_hole=2)) > 0).sum() == one.sum() - 3


def test_volumes_are_numbered_by_slice():
    shape = (30, 20, 20)
    maps = soft(ball(shape, (22, 10, 10), 6)) | soft(ball(shape, (7, 10, 10), 6))
    labels = cut_volume(maps, anisotropy=2)
    assert (labels[7, 10, 10], labels[22, 10, 10]) == (1, 2)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 5), (4, 1, 9)])
def test_any_size_is_taken(shape):
    maps = np.full((3, *shape), 0, np.uint8)
    assert not cut_volume(maps).any()
    maps[0] = 255
    assert (cut_volume(maps, config=VolumeConfig(min_volume=1, min_leaf_volume=1)) == 1).all()


@pytest.mark.parametrize(
    ("maps", "anisotropy", "message"),
    [
        (np.zeros((3, 4, 4), np.uint8), 1, r"maps must be \(3, Z, H, W\) uint8, got uint8 \(3, 4"),
        (np.zeros((3, 2, 4, 4)), 1, "got float64"),
        (np.zeros((3, 2, 4, 4), np.uint8), 0, "anisotropy must be positive, got 0"),
        (np.zeros((3, 2, 4, 4), np.uint8), np.nan, "anisotropy must be positive, got nan"),
    ],
)
def test_other_arrays_are_refused(maps, anisotropy, message):
    with pytest.raises(ValueError, match=message):
        cut_volume(maps, anisotropy)
