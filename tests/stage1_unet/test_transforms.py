import random

import numpy as np
import pytest

from stage1_unet.transforms import ColourRamp, Warp


def seeded(transform, seed):
    transform.set_random_state(np.random.default_rng(seed), random.Random(seed))
    return transform


@pytest.mark.parametrize("seed", range(8))
def test_a_ramp_keeps_the_order_of_brightness_in_every_channel(seed):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    colours = seeded(ColourRamp(p=1), seed)(image=gray)["image"].reshape(256, 3).astype(int)
    steps = np.diff(colours, axis=0)
    assert (steps >= 0).all() or (steps <= 0).all()
    assert (np.abs(colours[-1] - colours[0]) >= 35).all()


def test_ramps_go_both_ways_and_have_colours():
    gray = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    ramps = [
        seeded(ColourRamp(p=1), seed)(image=gray)["image"][0].astype(int) for seed in range(40)
    ]
    darker = [ramp[1].sum() < ramp[0].sum() for ramp in ramps]
    assert 10 <= sum(darker) <= 30
    assert np.mean([np.ptp(ramp[0]) > 20 for ramp in ramps]) > 0.8


def test_a_warp_is_smooth_and_as_large_as_asked():
    warp = seeded(Warp(alpha=2, sigma=16), 0)
    maps = warp.get_params_dependent_on_data({"shape": (160, 320)}, {})
    shift = maps["map_x"] - np.arange(320, dtype=np.float32)
    assert maps["map_y"].shape == shift.shape == (160, 320) and shift.dtype == np.float32
    assert 1 < shift.std() < 2.5
    assert np.abs(np.diff(shift, axis=1)).max() < 1  # nothing is folded over
