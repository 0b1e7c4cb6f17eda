"""Synthetic nuclei and the soft maps a network might give for them."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from stage2_trees import Calibration, CalibrationSet, Candidates, IoURegressor, hits
from stage2_trees.hierarchy import Hierarchy

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


@pytest.fixture(scope="session")
def oracle():
    """A regressor whose raw scores are the IoU itself, calibrated on itself."""
    knots = np.linspace(0, 1, 101)
    table = Calibration(knots, knots, hits(knots))
    return IoURegressor().calibrate(CalibrationSet(table, table, table))


@st.composite
def _small_forests(draw):
    """Random merge trees of up to 5 leaves, up to 3 extents a node, with a gain for each."""
    n_leaves = draw(st.integers(1, 5))
    ranges = [(i, i + 1) for i in range(n_leaves)]
    left, right, parent = [-1] * n_leaves, [-1] * n_leaves, [-1] * n_leaves
    roots = list(range(n_leaves))
    while len(roots) > 1 and draw(st.booleans()):
        i = draw(st.integers(0, len(roots) - 2))
        a, b = roots[i : i + 2]
        left.append(a)
        right.append(b)
        parent[a] = parent[b] = len(parent)
        parent.append(-1)
        ranges.append((ranges[a][0], ranges[b][1]))
        roots[i : i + 2] = [len(parent) - 1]
    first, last = np.array(ranges, np.int32).T
    zeros = np.zeros(len(parent), np.int32)
    tree = Hierarchy(
        *(np.array(x, np.int32) for x in (left, right, parent)),
        first,
        last,
        zeros,
        zeros,
        np.arange(n_leaves, dtype=np.int32),
    )
    counts = [draw(st.integers(0, 3)) for _ in parent]
    node = np.repeat(np.arange(len(parent), dtype=np.int32), counts)
    step = np.concatenate([np.arange(1, c + 1) for c in counts]).astype(np.int32)
    gain = draw(st.lists(st.integers(-8, 8), min_size=node.size, max_size=node.size).map(np.array))
    return Candidates(tree, node, step, (0.4, 0.5, 0.6)), gain.reshape(-1) / 8


@pytest.fixture(scope="session")
def small_forests():
    """Strategy: candidates of a random small forest, and a gain for each."""
    return _small_forests()
