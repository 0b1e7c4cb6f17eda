import numpy as np
import pytest


def draw_blobs(seed, shape=(60, 70), count=25):
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for label in range(1, count + 1):
        r, c = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        a, b, turn = rng.uniform(0.3, 12), rng.uniform(0.3, 6), rng.uniform(0, np.pi)
        u = (yy - r) * np.cos(turn) + (xx - c) * np.sin(turn)
        v = (xx - c) * np.cos(turn) - (yy - r) * np.sin(turn)
        labels[(u / a) ** 2 + (v / b) ** 2 <= 1] = 2 * label
    return labels


@pytest.fixture(scope="session")
def blobs():
    """Ellipses on one another, with even labels."""
    return draw_blobs


SHAPES = {
    "one pixel": np.array([[0, 0], [0, 3]]),
    "one row": np.array([[1, 1, 1, 0, 2]]),
    "one column": np.array([[1], [1], [0], [2]]),
    "diagonal": np.eye(6, dtype=int),
    "pieces with an empty row between": np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]]),
    "ring": np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]),
    "high label": np.array([[0, 0, 5000], [0, 5, 5], [0, 0, 5]]),
    "blobs": draw_blobs(0),
    "crowded blobs": draw_blobs(1, count=80),
    "random pixels": np.random.default_rng(2).integers(0, 8, (17, 23)),
}


@pytest.fixture(params=SHAPES)
def drawn(request):
    return SHAPES[request.param]
