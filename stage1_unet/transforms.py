"""Transforms that albumentations lacks, or has only much slower."""

from __future__ import annotations

import os

import cv2
import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network on import

import albumentations as A


class Warp(A.ElasticTransform):
    """Shift a coarse grid of points at random, and what lies between them smoothly along.

    Looks like the elastic transform it derives from, which draws and blurs one number per pixel
    and so takes ten times as long. Here `alpha` is the standard deviation of the shifts and
    `sigma` the distance of the points, both in pixels.
    """

    def get_params_dependent_on_data(self, params: dict, data: dict) -> dict[str, np.ndarray]:
        """Return where each pixel comes from, as `map_x` and `map_y`, (H, W) float32."""
        rows, columns = params["shape"][:2]
        points = [max(2, round(length / self.sigma)) for length in (rows, columns)]
        shifts = self.random_generator.normal(0, self.alpha, (*points, 2)).astype(np.float32)
        smooth = cv2.resize(shifts, (columns, rows), interpolation=cv2.INTER_CUBIC)
        return {
            "map_x": smooth[..., 0] + np.arange(columns, dtype=np.float32),
            "map_y": smooth[..., 1] + np.arange(rows, dtype=np.float32)[:, None],
        }


class ColourRamp(A.ImageOnlyTransform):
    """Replace gray levels by a random ramp of two or three colours.

    Every channel changes in one direction along the ramp, from a dark to a light colour or back,
    so what differed in brightness still does: a fluorescence image may come out like a stained
    section, or any other microscope's. Colours of the image give way to their brightness.
    """

    def get_params(self) -> dict[str, np.ndarray]:
        """Return the colour of each gray level, (256, 3) uint8."""
        dark, light, between = (self.random_generator.uniform(size=3) for _ in range(3))
        dark, light = 110 * dark, 255 - 110 * light
        bend = self.random_generator.uniform(0.3, 0.7)
        share = between if self.py_random.random() < 0.5 else bend  # the middle of a straight ramp
        colours = np.stack([dark, dark + share * (light - dark), light])
        if self.py_random.random() < 0.5:
            colours, bend = colours[::-1], 1 - bend
        levels, stops = np.arange(256), (0, 255 * bend, 255)
        ramp = [np.interp(levels, stops, channel) for channel in colours.T]
        return {"ramp": np.rint(np.stack(ramp, axis=1)).astype(np.uint8)}

    def apply(self, img: np.ndarray, ramp: np.ndarray, **params) -> np.ndarray:
        """Return the image, (H, W, 3) uint8, in the colours of the ramp."""
        return ramp[cv2.cvtColor(img, cv2.COLOR_RGB2GRAY)]
