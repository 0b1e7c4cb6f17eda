"""The albumentations pipelines: geometry on image and labels, then colour on the image."""

from __future__ import annotations

import os

import cv2

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network on import

import albumentations as A

MARGIN = 1.5
"""How much longer than a crop its window is, so that a rotation shows no corner from outside."""


def build_augmentation(preset: str, crop: int) -> A.Compose:
    """Build the pipeline of a preset.

    Parameters
    ----------
    preset : {"none", "light", "default"}
        `none` only cuts the crop out of the window; `light` adds flips, rotations and contrast;
        `default` adds blur, sharpening, noise, inversion, colour and elastic changes.
    crop : int
        Side of the crop, pixels.

    Returns
    -------
    albumentations.Compose
        Called with ``image`` (uint8 RGB) and ``mask`` (float32 labels) of side `MARGIN` * `crop`
        or more. Labels are only moved (nearest neighbour), never blended, so they stay exact.
    """
    steps = {"none": [], "light": _LIGHT, "default": _DEFAULT}[preset]
    geometry = [make() for make in steps if make in _GEOMETRY]
    colour = [make() for make in steps if make not in _GEOMETRY]
    return A.Compose([*geometry, A.CenterCrop(crop, crop), *colour])


def _rotation() -> A.BasicTransform:
    return A.Affine(
        rotate=(-45, 45),
        shear=(-8, 8),
        interpolation=cv2.INTER_LINEAR,
        mask_interpolation=cv2.INTER_NEAREST,
        border_mode=cv2.BORDER_REFLECT_101,
        p=0.5,
    )


def _elastic() -> A.BasicTransform:
    return A.ElasticTransform(
        alpha=60,
        sigma=8,
        interpolation=cv2.INTER_LINEAR,
        mask_interpolation=cv2.INTER_NEAREST,
        border_mode=cv2.BORDER_REFLECT_101,
        approximate=True,
        p=0.08,
    )


def _symmetry() -> A.BasicTransform:
    return A.D4(p=1)


def _contrast() -> A.BasicTransform:
    contrast = A.RandomBrightnessContrast(0.25, (-0.4, 0.25), p=1)
    return A.OneOf([contrast, A.RandomGamma((50, 180), p=1)], p=0.6)


def _sharpness() -> A.BasicTransform:
    return A.OneOf(
        [
            A.GaussianBlur(sigma_limit=(0.5, 2.0), p=1),
            A.MotionBlur((3, 7), p=0.5),
            A.Defocus((1, 3), p=0.25),
            A.Sharpen(p=0.5),
            A.Emboss(p=0.25),
            A.CLAHE(p=0.5),
        ],
        p=0.35,
    )


def _noise() -> A.BasicTransform:
    return A.OneOf(
        [
            A.GaussNoise(std_range=(0.01, 0.08), per_channel=False, p=1),
            A.MultiplicativeNoise((0.85, 1.15), elementwise=True, p=1),
        ],
        p=0.3,
    )


def _colour() -> A.BasicTransform:
    return A.OneOf(
        [
            A.HueSaturationValue(20, 40, 0, p=0.6),
            A.RGBShift(30, 30, 30, p=0.2),
            A.ChannelShuffle(p=0.1),
            A.ToGray(p=0.3),
        ],
        p=0.5,
    )


def _inversion() -> A.BasicTransform:
    return A.InvertImg(p=0.12)


_GEOMETRY = (_rotation, _elastic, _symmetry)
_LIGHT = (_rotation, _symmetry, _contrast)
_DEFAULT = (*_GEOMETRY, _contrast, _colour, _sharpness, _noise, _inversion)
