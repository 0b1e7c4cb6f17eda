"""Without the extra `pipelines` these tests are not collected: it clashes with `test`."""

import importlib.util

import numpy as np
import pytest

collect_ignore_glob = (
    [] if all(map(importlib.util.find_spec, ("sopa", "squidpy", "spatialdata"))) else ["test_*.py"]
)


@pytest.fixture
def spots():
    """Four bright disks, one of them at the edge: (120, 160) uint8 image and int32 labels."""
    yy, xx = np.mgrid[:120, :160]
    labels = np.zeros((120, 160), np.int32)
    for number, (y, x) in enumerate([(4, 30), (60, 40), (60, 110), (95, 75)], 1):
        labels[(yy - y) ** 2 + (xx - x) ** 2 < 11**2] = number
    noise = np.random.default_rng(0).normal(0, 5, labels.shape)
    return (40 + 150 * (labels > 0) + noise).clip(0, 255).astype(np.uint8), labels
