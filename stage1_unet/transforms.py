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
    section, or any other microscope's. Colours of the image give way to their brightness. Nuclei
    that come out light lie on a background that is nearly black, since light spots in a coloured
    section are holes in it.
    """

    @property
    def targets_as_params(self) -> list[str]:
        """The labels tell whether nuclei are light."""
        return ["mask"]

    def get_params_dependent_on_data(self, params: dict, data: dict) -> dict[str, np.ndarray]:
        """Return the colour of each gray level, (256, 3) uint8."""
        dark, light, between = (self.random_generator.uniform(size=3) for _ in range(3))
        falling = self.py_random.random() < 0.5
        nuclei_come_out_light = (_contrast(data["image"], data["mask"]) >= 0) != falling
        dark, light = (25 if nuclei_come_out_light else 110) * dark, 255 - 110 * light
        bend = self.random_generator.uniform(0.3, 0.7)
        share = between if self.py_random.random() < 0.5 else bend  # the middle of a straight ramp
        colours = np.stack([dark, dark + share * (light - dark), light])
        if falling:
            colours, bend = colours[::-1], 1 - bend
        levels, stops = np.arange(256), (0, 255 * bend, 255)
        ramp = [np.interp(levels, stops, channel) for channel in colours.T]
        return {"ramp": np.rint(np.stack(ramp, axis=1)).astype(np.uint8)}

    def apply(self, img: np.ndarray, ramp: np.ndarray, **params) -> np.ndarray:
        """Return the image, (H, W, 3) uint8, in the colours of the ramp."""
        return ramp[cv2.cvtColor(img, cv2.COLOR_RGB2GRAY)]


HAEMATOXYLIN, EOSIN = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])
"""Directions of two stains in optical density, RGB (Ruifrok and Johnston 2001)."""


class NucleusContrast(A.ImageOnlyTransform):
    """Give every nucleus a contrast and a texture of its own.

    Dim nuclei come to lie beside bright ones. Some become hollow, a rim about little more than
    background with a nucleolus or two, as the pale nuclei of stained tissue are.

    Parameters
    ----------
    spread : float
        Standard deviation of the logarithm of the contrasts.
    mean : float
        Their mean; below 0, most nuclei become dimmer.
    """

    def __init__(self, spread: float = 0.45, mean: float = -0.3, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.spread, self.mean = spread, mean

    @property
    def targets_as_params(self) -> list[str]:
        """The labels of the nuclei decide."""
        return ["mask"]

    def get_params_dependent_on_data(self, params: dict, data: dict) -> dict[str, np.ndarray]:
        """Return the factor of each pixel, (H, W, 1) float32, and what it is taken from, (3,)."""
        rng = self.random_generator
        labels = np.maximum(data["mask"], 0).astype(np.int32)
        count = labels.max() + 1
        factors = np.exp(rng.normal(self.mean, self.spread, count)).astype(np.float32)
        factors[0] = 1
        field = factors[labels]

        # Hollow nuclei: what lies deeper than the rim loses contrast, except for nucleoli.
        hollow = rng.random(count) < (rng.uniform(0.2, 1) if rng.random() < 0.4 else 0)
        if hollow[1:].any():
            depth = cv2.distanceTransform(_inner(labels), cv2.DIST_L2, 3)
            core = np.clip((depth - rng.uniform(1, 3)) / 2, 0, 1)
            for row, column in rng.permutation(np.argwhere(core > 0.5))[
                : 2 * hollow.sum()
            ].tolist():
                cv2.circle(
                    core, (column, row), int(rng.integers(1, 4)), float(rng.uniform(-0.3, 0.3)), -1
                )
            loss = np.where(hollow, rng.uniform(0.3, 0.9, count), 0).astype(np.float32)
            field *= 1 - core * loss[labels]

        if rng.random() < 0.5:
            clumps = _clouds(labels.shape, rng) - 0.5
            field *= np.where(labels > 0, 1 + rng.uniform(0, 1) * clumps, 1)
        field = cv2.GaussianBlur(field.astype(np.float32), (5, 5), 1.0)
        return {"field": field[..., None], "background": _background(data["image"], labels)}

    def apply(
        self, img: np.ndarray, field: np.ndarray, background: np.ndarray, **params
    ) -> np.ndarray:
        """Return the image, (H, W, 3) uint8, with the contrasts changed."""
        return _to_bytes(background + field * (img - background))


class Lumina(A.ImageOnlyTransform):
    """Cut holes into a stained section: lumina, vessels, fat, cracks, where no nucleus is.

    Images whose nuclei are lighter than their background stay as they are.
    """

    @property
    def targets_as_params(self) -> list[str]:
        """The labels of the nuclei decide."""
        return ["mask"]

    def get_params_dependent_on_data(self, params: dict, data: dict) -> dict[str, np.ndarray]:
        """Return how much of the light each pixel lets through, (H, W, 1), and the light, (3,)."""
        rng, labels = self.random_generator, data["mask"]
        hole = np.zeros(labels.shape, np.uint8)
        if _contrast(data["image"], labels) < 0:
            if rng.random() < 0.6:
                clouds = _clouds(labels.shape, rng)
                hole[clouds > np.quantile(clouds, rng.uniform(0.75, 0.98))] = 1
            for _ in range(rng.integers(0, 8)):
                row, column = rng.integers(0, labels.shape).tolist()
                axes = rng.uniform(3, 25) * rng.uniform(0.6, 1.2, 2)
                ellipse = (column, row), tuple(axes.tolist()), float(rng.uniform(0, 180))
                cv2.ellipse(hole, ellipse, 1, -1)
            nuclei = cv2.dilate((labels != 0).astype(np.uint8), np.ones((5, 5), np.uint8))
            hole[nuclei > 0] = 0
        through = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), rng.uniform(0.5, 1.5))
        light = rng.uniform(225, 255) + rng.uniform(-8, 8, 3)
        return {"through": through[..., None], "light": light.astype(np.float32)}

    def apply(
        self, img: np.ndarray, through: np.ndarray, light: np.ndarray, **params
    ) -> np.ndarray:
        """Return the image, (H, W, 3) uint8, with holes in it."""
        return _to_bytes(img + through * (light - img))


class Restain(A.ImageOnlyTransform):
    """Change the strengths and the hues of the stains of a section (after Tellez et al. 2018).

    Parameters
    ----------
    strength : float
        Standard deviation of the logarithm of each stain's strength.
    hue : float
        Standard deviation of each part of its direction in optical density.
    """

    def __init__(self, strength: float = 0.3, hue: float = 0.07, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.strength, self.hue = strength, hue

    def get_params(self) -> dict[str, np.ndarray]:
        """Return by what optical densities are multiplied, (3, 3), and what is added, (3,)."""
        draw = self.random_generator.normal
        stains = np.stack([HAEMATOXYLIN, EOSIN, np.cross(HAEMATOXYLIN, EOSIN)])
        other = stains + draw(0, self.hue, (3, 3))
        factors = np.exp(draw(0, self.strength, 3))
        matrix = np.linalg.inv(_unit(stains)) @ np.diag(factors) @ _unit(other)
        return {"matrix": matrix.astype(np.float32), "shift": np.float32(draw(0, 0.03, 3))}

    def apply(self, img: np.ndarray, matrix: np.ndarray, shift: np.ndarray, **params) -> np.ndarray:
        """Return the image, (H, W, 3) uint8, as if stained otherwise."""
        return _to_bytes(256 * np.exp(-(_DENSITY[img] @ matrix + shift)) - 1)


class PseudoStain(A.ImageOnlyTransform):
    """Turn any image of nuclei into something like a stained section of them.

    What tells nuclei from their background in brightness becomes the density of a nuclear stain of
    a drawn hue. Round about lies a counterstain: clouds, stronger near nuclei as cytoplasm is, and
    disks like red blood cells where no nucleus is.
    """

    @property
    def targets_as_params(self) -> list[str]:
        """The labels of the nuclei decide."""
        return ["mask"]

    def get_params_dependent_on_data(self, params: dict, data: dict) -> dict[str, np.ndarray]:
        """Return the densities of the counterstain, (H, W), the two stains and the strength."""
        rng = self.random_generator
        labels = np.maximum(data["mask"], 0).astype(np.int32)
        inside = labels > 0
        clouds = _clouds(labels.shape, rng)
        near = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), rng.uniform(4, 12))
        eosin = rng.uniform(0.05, 0.6) * clouds + rng.uniform(0, 0.4) * near
        for _ in range(rng.integers(0, 12) if rng.random() < 0.4 else 0):
            row, column = rng.integers(0, labels.shape)
            radius = int(rng.integers(3, 10))
            disk = cv2.circle(np.zeros(labels.shape, np.uint8), (column, row), radius, 1, -1) > 0
            if not (disk & inside).any():
                eosin[disk] += rng.uniform(0.2, 0.8)
        stain = rng.uniform(0.05, 1, 3) if rng.random() < 0.3 else HAEMATOXYLIN
        stains = np.stack([stain, EOSIN]) + rng.normal(0, 0.08, (2, 3))
        return {
            "inside": inside,
            "background": _background(data["image"], labels),
            "eosin": eosin * (1 - 0.7 * inside),
            "stains": _unit(stains).astype(np.float32),
            "strength": rng.uniform(0.5, 1.8),
            "grain": rng.normal(0, rng.uniform(0.01, 0.08), labels.shape),
            "light": rng.uniform(0.82, 1, 3),
        }

    def apply(
        self,
        img: np.ndarray,
        inside: np.ndarray,
        background: np.ndarray,
        eosin: np.ndarray,
        stains: np.ndarray,
        strength: float,
        grain: np.ndarray,
        light: np.ndarray,
        **params,
    ) -> np.ndarray:
        """Return the image, (H, W, 3) uint8, as a stained section."""
        change = img.mean(2, dtype=np.float32) - background.mean()
        found = change[inside]
        if found.size:
            change *= np.sign(found.mean()) / max(8.0, np.percentile(np.abs(found), 90))
        nuclear = strength * np.clip(change, 0, 1.5) + 0.5 * grain
        density = np.stack([nuclear, eosin + grain], axis=-1).astype(np.float32) @ stains
        return _to_bytes(255 * light * np.exp(-density))


_DENSITY = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)
"""Optical density of each brightness."""


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _to_bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _background(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Median colour of what is no nucleus, (3,) float32; of the whole image where all is."""
    outside = image[labels == 0][::5]
    values = outside if len(outside) else image.reshape(-1, 3)[::5]
    return np.median(values, axis=0).astype(np.float32)


def _contrast(image: np.ndarray, labels: np.ndarray) -> float:
    """How much lighter nuclei are than what lies round them, gray levels; 0 without nuclei."""
    inside = labels > 0
    if not inside.any():
        return 0.0
    return float(image[inside].mean() - _background(image, labels).mean())


def _inner(labels: np.ndarray) -> np.ndarray:
    """Pixels of nuclei whose neighbours belong to the same nucleus, (H, W) uint8."""
    values, near = labels.astype(np.float32), np.ones((3, 3), np.uint8)
    same = cv2.dilate(values, near) == cv2.erode(values, near)
    return ((labels > 0) & same).astype(np.uint8)


def _clouds(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of several grain sizes, (H, W) float32 in about [0, 1]."""
    total = np.zeros(shape, np.float32)
    for side in (4, 8, 16, 32, 64):
        noise = rng.uniform(0, 1, (side, side)).astype(np.float32)
        total += rng.uniform(0, 1) * cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(total / max(float(total.max()), 1e-6), 0, 1)
