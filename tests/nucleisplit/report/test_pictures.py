import base64
import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.images import open_image
from nucleisplit.labels import write_labels
from nucleisplit.report.pictures import CROP_SIDE, View, path_of, rings_of


def decode(uri):
    head, data = uri.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.fixture
def view(tmp_path):
    """Make the view of an image and its labels, through files."""
    opened = []

    def make(image, labels):
        write_labels(tmp_path / "l.tif", labels, overwrite=True)
        if image is not None:
            tifffile.imwrite(tmp_path / "i.tif", image)
        for name in ("i.tif",) * (image is not None) + ("l.tif",):
            opened.append(open_image(tmp_path / name, palette=False))
        planes = [source.plane() for source in opened]
        return View(planes[0] if image is not None else None, planes[-1])

    yield make
    for source in opened:
        source.close()


def test_a_thumbnail_is_small_and_shows_outlines(view):
    labels = np.zeros((400, 900), np.int32)
    labels[100:300, 200:500] = 1
    picture = decode(
        view(np.full((400, 900), 7, np.uint16), labels).thumbnail(300, np.array([1.0]))
    )
    assert picture.shape == (133, 300, 3)
    assert picture[33:100, 66:167].max() > 150  # the blue outline
    assert picture[:30].max() < 60


def test_a_small_image_is_not_enlarged_and_labels_beyond_the_table_do_no_harm(view):
    labels = np.zeros((20, 30), np.int32)
    labels[5:15, 5:15] = 3
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    assert decode(view(image, labels).thumbnail(300, np.array([1.0]))).shape == (20, 30, 3)


def test_strips_of_a_large_image_give_the_same_thumbnail(view, monkeypatch):
    rng = np.random.default_rng(0)
    image, labels = rng.integers(0, 255, (130, 70)).astype(np.uint8), np.zeros((130, 70), np.int32)
    labels[20:90, 10:50] = 1
    one = view(image, labels)
    whole = one.thumbnail(20, np.array([0.5]))
    monkeypatch.setattr("nucleisplit.report.pictures.STRIP", 400)
    assert one.thumbnail(20, np.array([0.5])) == whole


def test_a_crop_holds_the_place_its_neighbours_and_what_it_is_compared_with(view):
    labels = np.zeros((200, 300), np.int32)
    labels[100:110, 100:110], labels[100:110, 112:116] = 1, 2
    image = (50 + 100 * (labels > 0)).astype(np.uint8)
    crop = view(image, labels).crop(
        (100, 100, 110, 110), (1,), [np.array([[100, 100], [116, 104]])]
    )
    assert (crop.width, crop.height) == (48, 48)
    assert crop.kept == "M19 19h10v10h-10z"
    assert crop.around == "M31 19h4v10h-4z"
    assert crop.other == "M19 19l16 4z"
    picture = decode(crop.picture)
    assert picture.shape == (48, 48, 3)
    assert picture[21:27, 21:27].min() > picture[:15].max()


def test_crops_at_the_edge_stay_inside_and_large_ones_shrink(view):
    labels = np.zeros((500, 900), np.int32)
    labels[0:400, 0:20] = 1
    crop = view(labels.astype(bool), labels).crop((0, 0, 400, 20), (1,), [])
    assert (crop.width, crop.height) == (680, 500)
    assert decode(crop.picture).shape[1] == CROP_SIDE
    assert crop.kept.startswith("M0 0h20v400")


def test_without_the_image_the_background_is_black(view):
    labels = np.zeros((90, 90), np.int32)
    labels[10:40, 10:40] = 1
    one = view(None, labels)
    assert decode(one.crop((10, 10, 40, 40), (1,), []).picture).max() == 0
    assert decode(one.thumbnail(90, np.array([0.9]))).max() > 150


def test_paths_of_holes():
    labels = np.ones((3, 3), np.int32)
    labels[1, 1] = 0
    assert path_of(rings_of(labels)) == "M0 0h3v3h-3zM1 2h1v-1h-1z"
