"""The augmentation presets: geometry on image and labels, then colour on the image."""

from __future__ import annotations

import random

import cv2
import numpy as np

from .transforms import A, ColourRamp, Lumina, NucleusContrast, PseudoStain, Restain, Warp

MARGIN = 1.5
"""How much longer than a crop its window is, so that a rotation shows no corner from outside."""


def build_augmentation(preset: str, crop: int) -> A.Compose:
    """Build the pipeline of a preset.

    Parameters
    ----------
    preset : {"none", "light", "default", "kinds"}
        `none` only cuts the crop out of the window; `light` adds flips, rotations and contrast;
        `default` adds elastic changes, colour, sharpness, noise and inversion; `kinds` makes
        other kinds of image, too: other stains, stained sections out of fluorescence, holes in
        them, a contrast and a texture for each nucleus, stretching, coarser pixels, compression.
    crop : int
        Side of the crop, pixels.

    Returns
    -------
    albumentations.Compose
        For `augment`.
    """
    geometry, colour = {
        "none": ([], []),
        "light": (_turn(), _light()),
        "default": (_bend(), _default()),
        "kinds": (_stretch(), _kinds()),
    }[preset]
    symmetry = [A.D4(p=1)] if geometry else []
    return A.Compose([*geometry, A.CenterCrop(crop, crop), *symmetry, *colour])


def augment(
    pipeline: A.Compose, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Run a pipeline with random numbers of its own.

    All steps draw from one generator. `set_random_seed` of albumentations gives each step its own,
    all with one seed, so that they would draw the same numbers and take effect together.

    Parameters
    ----------
    pipeline : albumentations.Compose
        From `build_augmentation`.
    image : ndarray, shape (S, S, 3), uint8
        Of side `MARGIN` * crop or more.
    labels : ndarray, shape (S, S), float32
        Only moved (nearest neighbour), never blended, so they stay exact.
    rng : numpy.random.Generator

    Returns
    -------
    image, labels : ndarray
        Of the side of the crop.
    """
    pipeline.set_random_state(rng, random.Random(int(rng.integers(2**63))))
    result = pipeline(image=image, mask=labels)
    return result["image"], result["mask"]


_MOVING = {
    "interpolation": cv2.INTER_LINEAR,
    "mask_interpolation": cv2.INTER_NEAREST,
    "border_mode": cv2.BORDER_REFLECT_101,
}


def _turn() -> list[A.BasicTransform]:
    return [A.Affine(rotate=(-45, 45), shear=(-8, 8), **_MOVING, p=0.5)]


def _bend() -> list[A.BasicTransform]:
    return [*_turn(), Warp(alpha=2, sigma=16, **_MOVING, p=0.1)]


def _light() -> list[A.BasicTransform]:
    contrast = A.RandomBrightnessContrast((-0.1, 0.25), (-0.4, 0.25), p=1)
    return [A.OneOf([contrast, A.RandomGamma((50, 180), p=1)], p=0.6)]


def _default() -> list[A.BasicTransform]:
    colour = [
        A.HueSaturationValue(20, 40, 0, p=0.6),
        A.RGBShift(30, 30, 30, p=0.2),
        A.ChannelShuffle(p=0.1),
        A.ToGray(p=0.3),
        ColourRamp(p=0.1),
    ]
    sharpness = [
        A.GaussianBlur(sigma_limit=(0.5, 2.0), p=1),
        A.MedianBlur((3, 5), p=0.25),
        A.MotionBlur((3, 7), p=0.5),
        A.Defocus((1, 3), p=0.25),
        A.Sharpen(p=0.5),
        A.Emboss(p=0.25),
        A.CLAHE(p=0.5),
    ]
    noise = [
        A.GaussNoise(std_range=(0.01, 0.08), per_channel=False, p=1),
        A.MultiplicativeNoise((0.85, 1.15), elementwise=True, p=1),
    ]
    return [
        *_light(),
        A.OneOf(colour, p=0.5),
        A.OneOf(sharpness, p=0.35),
        A.OneOf(noise, p=0.3),
        A.InvertImg(p=0.12),
    ]


def _stretch() -> list[A.BasicTransform]:
    stretch = {"x": (0.85, 1.18), "y": (0.85, 1.18)}
    return [
        A.Affine(scale=stretch, rotate=(-45, 45), shear=(-8, 8), **_MOVING, p=0.6),
        Warp(alpha=2, sigma=16, **_MOVING, p=0.2),
    ]


def _kinds() -> list[A.BasicTransform]:
    kind = [
        Restain(p=0.7),
        PseudoStain(p=1),
        ColourRamp(p=0.4),
        A.HueSaturationValue(20, 40, 0, p=0.3),
        A.RGBShift(30, 30, 30, p=0.15),
        A.ChannelShuffle(p=0.1),
        A.ToGray(p=0.35),
    ]
    contrast = [
        A.RandomBrightnessContrast((-0.1, 0.25), (-0.5, 0.25), p=1),
        A.RandomGamma((35, 230), p=1),
        A.CLAHE(clip_limit=(1, 4), p=0.5),
    ]
    sharpness = [
        A.GaussianBlur(sigma_limit=(0.5, 2.0), p=1),
        A.MedianBlur((3, 5), p=0.25),
        A.MotionBlur((3, 7), p=0.4),
        A.Defocus((1, 3), p=0.25),
        A.Downscale((0.4, 0.8), p=0.6),
        A.Sharpen(p=0.5),
        A.Emboss(p=0.2),
    ]
    noise = [
        A.GaussNoise(std_range=(0.01, 0.08), per_channel=False, p=1),
        A.ShotNoise((0.02, 0.15), p=0.7),
        A.MultiplicativeNoise((0.85, 1.15), elementwise=True, p=0.6),
        A.ImageCompression(quality_range=(30, 90), p=0.6),
    ]
    return [
        NucleusContrast(p=0.4),
        A.OneOf(kind, p=0.7),
        Lumina(p=0.4),
        A.OneOf(contrast, p=0.65),
        A.OneOf(sharpness, p=0.4),
        A.OneOf(noise, p=0.35),
        A.InvertImg(p=0.12),
    ]
