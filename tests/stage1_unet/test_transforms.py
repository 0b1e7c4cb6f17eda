import random

import numpy as np
import pytest

from stage1_unet.transforms import ColourRamp, NucleusContrast, PseudoStain, Restain, Warp


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


def nuclei(bright, dark):
    """Nine squares of one colour on another, and their labels, 0..9; a strip counts for nothing."""
    labels = np.zeros((96, 96), np.float32)
    for number in range(9):
        row, column = divmod(number, 3)
        labels[32 * row + 8 : 32 * row + 24, 32 * column + 8 : 32 * column + 24] = number + 1
    labels[:, 95] = -1
    image = np.where(labels[..., None] > 0, bright, dark).astype(np.uint8)
    return np.broadcast_to(image, (96, 96, 3)).copy(), labels


def test_every_nucleus_gets_a_contrast_of_its_own():
    image, labels = nuclei([200, 180, 160], [40, 30, 20])
    made = seeded(NucleusContrast(p=1), 3)(image=image, mask=labels)["image"].astype(int)
    middles = made[16::32, 16::32].reshape(9, 3)
    factors = (middles - [40, 30, 20]) / [160, 150, 140]
    assert np.ptp(factors[:, 0]) > 0.3
    unclipped = middles.max(axis=1) < 255
    assert unclipped.sum() >= 5 and np.ptp(factors[unclipped], axis=1).max() < 0.02
    assert (made[:4, :4] == [40, 30, 20]).all() and (made[:, 95] == [40, 30, 20]).all()


@pytest.mark.parametrize("labels", [np.zeros((8, 8)), np.full((8, 8), -1), np.ones((8, 8))])
@pytest.mark.parametrize("kind", [NucleusContrast, PseudoStain])
def test_crops_without_nuclei_or_without_background_are_no_trouble(kind, labels):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    for seed in range(5):
        made = seeded(kind(p=1), seed)(image=image, mask=labels.astype(np.float32))["image"]
        assert made.shape == image.shape and made.dtype == np.uint8


def test_a_section_stained_otherwise_keeps_its_white_and_its_order():
    haematoxylin = 255 * np.exp(-np.outer(np.linspace(0, 2, 8), [0.65, 0.70, 0.29]))
    image = np.rint(haematoxylin).astype(np.uint8)[None].repeat(4, axis=0)
    colours = []
    for seed in range(20):
        made = seeded(Restain(p=1), seed)(image=image)["image"][0].astype(int)
        assert made[0].min() > 215
        assert (np.diff(made.sum(axis=1)) < 0).all()
        colours.append(made[4])
    assert np.std(colours, axis=0).min() > 8
    same = seeded(Restain(strength=0, hue=0, p=1), 0)(image=image)["image"].astype(int)
    assert np.abs(same - image).max() < 30


@pytest.mark.parametrize(("bright", "dark"), [(180, 10), (90, 200), (14, 10)])
def test_a_made_stain_is_darker_in_nuclei_whatever_the_image_was(bright, dark):
    image, labels = nuclei([bright] * 3, [dark] * 3)
    inside = labels > 0
    darker, coloured = 0, 0
    for seed in range(20):
        made = seeded(PseudoStain(p=1), seed)(image=image, mask=labels)["image"].astype(int)
        darker += made[inside].mean() < made[~inside].mean() - 10
        coloured += np.ptp(made[inside].mean(axis=0)) > 15
    assert darker >= 17 and coloured >= 15
