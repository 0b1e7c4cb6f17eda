import random

import cv2
import numpy as np
import pytest

from stage1_unet.transforms import (
    ColourRamp,
    Lumina,
    NucleusContrast,
    PseudoStain,
    Restain,
    Warp,
)


def seeded(transform, seed):
    transform.set_random_state(np.random.default_rng(seed), random.Random(seed))
    return transform


@pytest.mark.parametrize("seed", range(8))
def test_a_ramp_keeps_the_order_of_brightness_in_every_channel(seed):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    mask = (np.arange(256, dtype=np.float32) > 128).reshape(16, 16)
    made = seeded(ColourRamp(p=1), seed)(image=gray, mask=mask)["image"]
    colours = made.reshape(256, 3).astype(int)
    steps = np.diff(colours, axis=0)
    assert (steps >= 0).all() or (steps <= 0).all()
    assert (np.abs(colours[-1] - colours[0]) >= 35).all()


def test_ramps_go_both_ways_and_have_colours():
    gray = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    ramps = [
        seeded(ColourRamp(p=1), seed)(image=gray, mask=np.float32([[0, 1]]))["image"][0].astype(int)
        for seed in range(40)
    ]
    darker = [ramp[1].sum() < ramp[0].sum() for ramp in ramps]
    assert 10 <= sum(darker) <= 30
    assert np.mean([np.ptp(ramp, axis=1).max() > 20 for ramp in ramps]) > 0.8


@pytest.mark.parametrize("nuclei_are_light", [True, False])
def test_light_nuclei_of_a_ramp_lie_on_black(nuclei_are_light):
    """A light spot on a coloured ground is a hole in a section, not a nucleus."""
    gray = np.array([[[5, 5, 5], [250, 250, 250]]], np.uint8)
    mask = np.float32([[0, 1]] if nuclei_are_light else [[1, 0]])
    light = 0
    for seed in range(40):
        made = seeded(ColourRamp(p=1), seed)(image=gray, mask=mask)["image"][0].astype(int)
        nucleus, ground = made[mask[0] > 0][0], made[mask[0] == 0][0]
        if nucleus.sum() > ground.sum():
            assert ground.max() < 40
            light += 1
    assert 10 <= light <= 30


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
    spreads, hollow = [], 0
    for seed in range(20):
        made = seeded(NucleusContrast(p=1), seed)(image=image, mask=labels)["image"].astype(int)
        factors = (made - [40, 30, 20]) / [160, 150, 140]
        inside = (labels > 0) & (made.max(axis=2) < 255)
        assert np.ptp(factors[inside], axis=1).max() < 0.02  # the hue stays
        assert (made[:4, :4] == [40, 30, 20]).all() and (made[:, 95] == [40, 30, 20]).all()
        means = np.array([factors[labels == number].mean() for number in range(1, 10)])
        middles = factors[16:96:32, 16:96:32, 0].ravel()
        rims = factors[10:96:32, 16:96:32, 0].ravel()
        spreads.append(np.std(means))
        hollow += (middles < 0.6 * rims).any()
    assert np.mean(spreads) > 0.15 and 3 <= hollow <= 15


@pytest.mark.parametrize("labels", [np.zeros((8, 8)), np.full((8, 8), -1), np.ones((8, 8))])
@pytest.mark.parametrize("kind", [ColourRamp, Lumina, NucleusContrast, PseudoStain])
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


def test_holes_are_white_and_spare_the_nuclei():
    image, labels = nuclei([90, 60, 140], [220, 150, 190])
    near = cv2.dilate((labels != 0).astype(np.uint8), np.ones((3, 3))) > 0
    shares = []
    for seed in range(20):
        made = seeded(Lumina(p=1), seed)(image=image, mask=labels)["image"].astype(int)
        assert np.abs(made - image)[near].max() <= 60  # the soft edge of a hole at most
        assert np.abs(made - image)[labels > 0].mean() < 3
        shares.append((made[~near].min(axis=1) > 205).mean())
    assert min(shares) < 0.1 and 0.05 < np.mean(shares) < 0.5 and max(shares) > 0.15


def test_fluorescence_has_no_holes():
    image, labels = nuclei([200] * 3, [20] * 3)
    for seed in range(5):
        made = seeded(Lumina(p=1), seed)(image=image, mask=labels)["image"]
        assert np.array_equal(made, image)
