import numpy as np
import pytest

from nucleisplit.training.pool import ImagePool


def describe(maps, truth, name, scale=1):
    return name, maps.dtype, float(maps.max()), int(truth.sum()) * scale


def fail(maps, truth):
    raise ValueError(f"{truth.sum()} is odd")


@pytest.fixture(scope="module")
def pool():
    maps = [np.full((3, 2, 2), 51 * n, np.uint8) for n in range(6)]
    truths = [np.full((2, 2), n) for n in range(6)]
    with ImagePool(maps, truths, workers=2) as pool:
        yield pool


def test_results_come_in_order(pool):
    results = pool.map(describe, "abcdef", scale=10)
    assert [r[0] for r in results] == list("abcdef")
    assert [r[2] for r in results] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [r[3] for r in results] == [0, 40, 80, 120, 160, 200]
    assert results[0][1] == np.float32


def test_an_error_comes_back(pool):
    with pytest.raises(ValueError, match="is odd"):
        pool.map(fail)


def test_one_argument_for_every_image(pool):
    with pytest.raises(ValueError, match="zip"):
        pool.map(describe, "abcdef", "ab")
