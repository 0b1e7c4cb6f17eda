import numpy as np
import pytest
from PIL import Image

from nucleisplit.errors import InputError
from nucleisplit.export.sample import draw_cover, take_sample


def test_drawn_nuclei_are_gray_and_always_the_same():
    image = take_sample((96, 128))
    assert image.shape == (96, 128, 3) and image.dtype == np.uint8
    assert np.array_equal(image, take_sample((96, 128)))
    assert np.array_equal(image[..., 0], image[..., 2])
    assert 0.05 < (image > 60).mean() < 0.5


def test_of_an_image_the_middle_is_taken(tmp_path):
    gray = np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000
    Image.fromarray(gray).save(tmp_path / "a.png")
    image = take_sample((2, 4), tmp_path / "a.png")
    assert image.dtype == np.uint16 and image.shape == (2, 4, 3)
    assert image[..., 1].tolist() == [[18000, 19000, 20000, 21000], [26000, 27000, 28000, 29000]]
    colour = np.arange(16, dtype=np.uint8).reshape(2, 2, 4)
    Image.fromarray(colour).save(tmp_path / "b.png")
    assert np.array_equal(take_sample((2, 2), tmp_path / "b.png"), colour[..., :3])


def test_an_image_that_is_too_small_or_missing_is_refused(tmp_path):
    Image.fromarray(np.zeros((6, 80), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a.png: has 6 x 80 pixels; give .* least 68 x 72 pixels"):
        take_sample((68, 72), tmp_path / "a.png")
    with pytest.raises(InputError, match=r"b.png: does not exist"):
        take_sample((68, 72), tmp_path / "b.png")


def test_the_cover_shows_image_and_maps():
    image = np.full((2, 3, 3), 0.4, np.float32)
    maps = np.zeros((3, 2, 3), np.float32)
    maps[0, 0] = 1  # body
    maps[2, 0, 1] = 1  # with separation over it
    cover = draw_cover(image, maps)
    assert cover.shape == (2, 4, 3) and cover.dtype == np.uint8
    assert cover[1].tolist() == [[102, 102, 102]] * 2 + [[0, 0, 0]] * 2
    assert cover[0, 2:].tolist() == [[38, 89, 191], [255, 26, 76]]
