import numpy as np
import pytest

from stage1_unet.tiles import list_tiles


@pytest.mark.parametrize("grid", [4, 32])
@pytest.mark.parametrize("shape", [(32, 160), (128, 1248), (1248, 1024)])
def test_tiles_cover_an_image_once_on_the_grid(grid, shape):
    covered = np.zeros(shape, int)
    for tile in list_tiles(shape, size=128, halo=10, grid=grid):
        covered[tile.inner] += 1
        for outer, inner, length in zip(tile.outer, tile.inner, shape, strict=True):
            assert outer.start % grid == outer.stop % grid == 0
            assert outer.stop - outer.start <= 128 + grid
            assert inner.start - outer.start >= 10 or outer.start == 0
            assert outer.stop - inner.stop >= 10 or outer.stop == length
    assert (covered == 1).all()


def test_the_margin_finds_the_inner_part():
    image = np.arange(64)[None] * np.ones((2, 1))
    for tile in list_tiles((2, 64), size=24, halo=4, grid=4):
        assert np.array_equal(image[tile.outer][tile.margin], image[tile.inner])


def test_a_small_image_is_one_tile_of_any_size():
    (tile,) = list_tiles((5, 7), size=8, halo=2, grid=4)
    assert tile.outer == tile.inner == (slice(0, 5), slice(0, 7))
