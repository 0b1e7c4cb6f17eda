"""Draw the example images: synthetic nuclei, so that they are free of anybody's rights.

    python examples/make_images.py            writes examples/images/*.png

Every image is drawn from its own seed and comes out the same each time.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage as ndi

FOLDER = Path(__file__).parent / "images"


def nuclei(rng, shape, count, radius, touching=0.4, overlap=0.08):
    """Place `count` wobbly ellipses; a share of them right against an earlier one.

    Returns the label image, (H, W) int32, later nuclei behind earlier ones.
    """
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    placed = []
    for _ in range(count * 30):
        if len(placed) == count:
            break
        size = radius * np.exp(rng.normal(0, 0.18))
        if placed and rng.random() < touching:
            y, x, near = placed[rng.integers(len(placed))]
            angle = rng.uniform(0, 2 * np.pi)
            gap = (near + size) * rng.uniform(0.82, 0.98)
            y, x = y + gap * np.sin(angle), x + gap * np.cos(angle)
        else:
            y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        shape_mask = ellipse(rng, yy - y, xx - x, size)
        area = shape_mask.sum()
        if area == 0 or (labels[shape_mask] > 0).sum() > overlap * area:
            continue
        labels[shape_mask & (labels == 0)] = len(placed) + 1
        placed.append((y, x, size))
    return labels


def ellipse(rng, dy, dx, size):
    """A mask of an ellipse with a slightly wavy outline around the origin of `dy`, `dx`."""
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 1.45)
    u = np.cos(turn) * dx + np.sin(turn) * dy
    v = -np.sin(turn) * dx + np.cos(turn) * dy
    angle = np.arctan2(v, u)
    waves = sum(
        rng.normal(0, 0.05 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 4)
    )
    return np.hypot(u / np.sqrt(stretch), v * np.sqrt(stretch)) < size * (1 + waves)


def texture(rng, shape, sigma):
    """Smooth noise of standard deviation 1 and grain `sigma` pixels."""
    noise = ndi.gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return noise / noise.std()


def fluorescence(seed, shape, count, radius, photons=60.0, background=0.08, **placing):
    """Bright stained nuclei on a dark field, gray, 8-bit."""
    rng = np.random.default_rng(seed)
    labels = nuclei(rng, shape, count, radius, **placing)
    brightness = np.concatenate([[0], rng.uniform(0.45, 1.0, labels.max())])
    inside = labels > 0
    signal = brightness[labels] * (1 + 0.10 * texture(rng, shape, radius / 6))
    thickness = np.zeros(shape)
    for index, box in enumerate(ndi.find_objects(labels), start=1):
        if box is not None:
            depth = ndi.distance_transform_edt(np.pad(labels[box] == index, 1))[1:-1, 1:-1]
            thickness[box] += np.minimum(1, 0.35 + depth / (0.5 * radius)) * (labels[box] == index)
    signal = ndi.gaussian_filter(signal * inside * thickness, 1.0)
    glow = ndi.gaussian_filter(signal, 3 * radius)
    light = background * (1 + 0.2 * texture(rng, shape, 60)) + signal + 0.25 * glow
    counts = rng.poisson(np.clip(light, 0, None) * photons) + rng.normal(0, 1.0, shape)
    return np.clip(counts / (photons * 1.8) * 255, 0, 255).astype(np.uint8)


def tissue(seed, shape, count, radius, **placing):
    """A section stained with haematoxylin and eosin, RGB, 8-bit."""
    rng = np.random.default_rng(seed)
    labels = nuclei(rng, shape, count, radius, **placing)
    inside = ndi.gaussian_filter((labels > 0).astype(float), 0.8)
    rim = ndi.gaussian_filter(
        ((labels > 0) & ~ndi.binary_erosion(labels > 0, iterations=2)).astype(float), 0.7
    )
    dose = np.concatenate([[0], rng.uniform(0.6, 1.1, labels.max())])
    chromatin = 1 + 0.25 * texture(rng, shape, 1.3)
    haematoxylin = ndi.gaussian_filter(dose[labels], 0.8) * chromatin + 0.35 * rim
    fibres = texture(rng, shape, (2.5, 14)) + 0.6 * texture(rng, shape, 5)
    eosin = np.clip(0.55 + 0.13 * fibres, 0.05, None) * (1 - 0.7 * inside)
    gaps = ndi.gaussian_filter(rng.standard_normal(shape), 16, mode="wrap")
    gaps = np.clip(gaps / gaps.std() - 1.3, 0, 1) * (1 - inside)
    eosin *= 1 - np.clip(2.5 * gaps, 0, 0.95)
    # optical density per unit of stain in red, green, blue (Ruifrok and Johnston 2001)
    density = haematoxylin[..., None] * [0.65, 0.70, 0.29] + eosin[..., None] * [0.07, 0.75, 0.25]
    light = 0.95 * np.exp(-1.0 * density)
    light = ndi.gaussian_filter(light, (0.6, 0.6, 0)) + rng.normal(0, 0.012, (*shape, 3))
    return np.clip(light * 255, 0, 255).astype(np.uint8)


IMAGES = {
    "cells_sparse.png": lambda: fluorescence(1, (256, 320), 24, 12, touching=0.3),
    "cells_crowded.png": lambda: fluorescence(2, (256, 320), 75, 10, touching=0.85, overlap=0.12),
    "cells_dim.png": lambda: fluorescence(
        3, (256, 256), 16, 17, photons=25, background=0.2, touching=0.5
    ),
    "tissue.png": lambda: tissue(4, (256, 320), 80, 9, touching=0.4),
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in IMAGES.items():
        Image.fromarray(draw()).save(FOLDER / name, optimize=True)


if __name__ == "__main__":
    main()
