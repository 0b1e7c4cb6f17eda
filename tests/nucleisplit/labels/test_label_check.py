"""Photographs, masks and numbered backgrounds among label images."""

import warnings

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.errors import InputError, InputWarning
from nucleisplit.labels import read_label_file


@pytest.fixture
def save(tmp_path):
    def save(array, name="a.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / name, array)
        return tmp_path / name

    return save


def blurred(spots, dtype, top):
    """A photograph without noise, dark where there is nothing."""
    from scipy.ndimage import gaussian_filter

    return (gaussian_filter((spots(1, (128, 128), 9)[1] > 0).astype(float), 3) * top).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_photograph_is_refused(save, spots, dtype):
    path = save(spots(0)[0].astype(dtype) * (1 if dtype == np.uint8 else 37))
    with pytest.raises(InputError, match="a.tif: looks like a photograph, not a label image"):
        read_label_file(path)
    with pytest.raises(InputError, match="looks like a photograph"):
        read_label_file(save(blurred(spots, np.uint16, 4000)))


@pytest.mark.parametrize("value", [1, 255, 65535])
def test_a_mask_is_warned_of(save, value):
    mask = np.zeros((32, 32), np.uint16)
    for corner in (2, 12, 22):
        mask[corner : corner + 8, 4:20] = value
    with pytest.warns(InputWarning, match="a.tif: its one number stands for 3 pieces, as in a mas"):
        assert read_label_file(save(mask)).max() == value


@pytest.mark.parametrize("value", [1, 255, 65535])
def test_a_background_with_a_number_is_refused(save, spots, value):
    labels = spots(3, (96, 96), 5)[1].astype(np.uint16) + 2
    labels[labels == 2] = value
    with pytest.raises(InputError, match=f"holds no 0, and {value} where the background would be"):
        read_label_file(save(labels))


def test_a_nucleus_as_large_as_the_image_is_warned_of(save):
    labels = np.full((20, 20), 3, np.uint8)
    labels[5:9, 5:9] = 0  # an inverted mask
    with pytest.warns(InputWarning, match="nucleus 3 covers 96% of the image and reaches all of"):
        read_label_file(save(labels))


def test_label_images_raise_no_doubt(save, spots):
    """Touching ones, one broken in two, many small ones, none at all, and one that fills all."""
    labels = spots(4, (96, 96), 30)[1]
    broken = labels.copy()
    broken[48] = 0
    small = np.kron(np.arange(1, 401).reshape(20, 20), np.ones((3, 3), int)).astype(np.uint16)
    one = np.ones((7, 7), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputWarning)
        for array in (labels, broken, small, np.pad(small, 1), 0 * labels, one):
            assert np.array_equal(read_label_file(save(array)), array)


def test_evaluate_says_so(save, spots):
    image, labels = spots(5)
    good, photo = save(labels, "good/a.tif"), save(image, "photo/a.tif")
    mask = save((labels > 0).astype(np.uint8) * 255, "mask/a.tif")
    refused = CliRunner().invoke(main, ["evaluate", str(good.parent), str(photo.parent)])
    assert refused.exit_code == 2 and "looks like a photograph" in refused.stderr
    for words, lines in (([], 1), (["-q"], 0)):
        warned = CliRunner().invoke(main, ["evaluate", str(good.parent), str(mask.parent), *words])
        assert warned.exit_code == 0
        assert warned.stderr.count("warning: ") == len(warned.stderr.splitlines()) == lines
