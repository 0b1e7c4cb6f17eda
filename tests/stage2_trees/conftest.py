"""Synthetic nuclei and the soft maps a network might give for them."""

import numpy as np
import pytest
from hypothesis import settings
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

# The first call of a compiled function takes seconds where its cache is cold.
settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")


def draw_nuclei(shape, count, seed):
    """Paint ellipses over each other, (H, W) int32."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    labels = np.zeros(shape, np.int32)
    for i in range(1, count + 1):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        a, b, angle = rng.uniform(4, 8), rng.uniform(4, 8), rng.uniform(0, np.pi)
        u = (y - cy) * np.cos(angle) + (x - cx) * np.sin(angle)
        v = (x - cx) * np.cos(angle) - (y - cy) * np.sin(angle)
        free = labels == 0
        labels[free & ((u / a) ** 2 + (v / b) ** 2 < 1)] = i
    return labels


def soft_maps(labels, seed, noise=0.8):
    """Blurred targets with a smooth error, (3, H, W) float32."""
    rng = np.random.default_rng(seed)
    inside = np.where(labels > 0, labels, labels.max() + 1)
    lowest, highest = minimum_filter(inside, 5), maximum_filter(labels, 5)
    separation = (lowest < highest) & (lowest <= labels.max())
    border = (labels > 0) & (minimum_filter(labels, 3) != labels)
    targets = np.stack([labels > 0, border, separation]).astype(np.float32)
    soft = gaussian_filter(targets, (0, 1, 1))
    logit = 1.5 * np.log((soft + 0.02) / (1.02 - soft))
    error = gaussian_filter(rng.standard_normal(logit.shape), (0, 3, 3))
    logit += noise * error / error.std()
    return (1 / (1 + np.exp(-logit))).astype(np.float32)


@pytest.fixture(scope="session")
def nuclei():
    """Labels and maps of a small field: nuclei(seed, shape, count) -> labels, maps."""

    def make(seed=0, shape=(64, 72), count=22, noise=0.8):
        labels = draw_nuclei(shape, count, seed)
        return labels, soft_maps(labels, seed, noise)

    return make
