import numpy as np
import pytest
from PIL import Image

from nucleisplit.overlay import ClassColors, draw_overlay, for_display, iou_colors, write_overlay

BAR = 28


def two_squares(size=600):
    labels = np.zeros((size, size), np.int32)
    labels[100:200, 100:200] = 1
    labels[100:200, 200:300] = 2
    return labels


def test_inner_rims_have_the_colour_of_their_iou():
    labels = two_squares()
    picture = draw_overlay(np.zeros(labels.shape), labels, np.array([0.0, 1.0]))
    assert picture.shape == (600 + BAR, 600, 3) and picture.dtype == np.uint8
    low, high = iou_colors(np.array([0.0, 1.0]))
    assert picture[150, 100].tolist() == picture[150, 199].tolist() == low.tolist()
    assert picture[150, 200].tolist() == picture[150, 299].tolist() == high.tolist()
    assert picture[150, 101].tolist() == low.tolist()  # the doubtful are wider
    for row, col in [(150, 99), (150, 102), (150, 197), (150, 201), (150, 300), (99, 150)]:
        assert picture[row, col].tolist() == [0, 0, 0]


def test_larger_pictures_have_wider_outlines_but_small_nuclei_do_not_drown():
    labels = np.zeros((1500, 1500), np.int32)
    labels[100:200, 100:200] = 1
    picture = draw_overlay(np.zeros(labels.shape), labels, np.ones(1))
    assert (picture[150, 100:200].max(axis=1) > 0).sum() == 6
    labels[:] = 0
    labels[100:120, 100:120] = 1
    picture = draw_overlay(np.zeros(labels.shape), labels, np.ones(1))
    assert (picture[110, 100:120].max(axis=1) > 0).sum() == 2


def test_one_saturated_cell_does_not_darken_the_rest():
    image = np.full((200, 200), 100, np.uint16)
    image[20:60, :] = 1100  # 20 % of the image: the ordinary nuclei
    image[100:120, 100:120] = 65535
    image[0, :] = 99
    shown = for_display(image)
    assert shown[40, 40].min() >= 80 and shown[110, 110].min() == 255 and shown[90, 90].max() < 10


def test_a_dark_seam_lies_outside_on_a_pale_image():
    labels = two_squares()
    image = np.full(labels.shape, 200, np.uint8)
    image[0, 0] = 0
    picture = draw_overlay(image, labels, np.array([0.5, 0.5]))
    assert picture[150, 98].tolist() == [255] * 3 and picture[150, 99].tolist() == [85] * 3


@pytest.mark.parametrize(
    ("shape", "factor"), [((1, 1), 512), ((256, 256), 2), ((520, 700), 1), ((10, 1000), 2)]
)
def test_small_images_are_enlarged(shape, factor):
    picture = draw_overlay(np.zeros(shape, np.uint16), np.ones(shape, np.int32), np.ones(1))
    assert picture.shape == (shape[0] * factor + BAR, shape[1] * factor, 3)


def test_the_doubtful_are_lightest_and_the_sure_still_light():
    colors = iou_colors(np.linspace(0, 1, 50)).astype(float)
    lightness = colors @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) < 0).all() and lightness[-1] > 100


def test_without_iou_there_is_no_bar():
    labels = two_squares()
    assert draw_overlay(labels, labels).shape == (600, 600, 3)


def test_the_image_is_left_alone():
    labels = two_squares()
    image = np.random.default_rng(0).integers(0, 255, (600, 600, 3), dtype=np.uint8)
    before = image.copy()
    draw_overlay(image, labels, np.ones(2))
    np.testing.assert_array_equal(image, before)


def test_written_file(tmp_path):
    labels = two_squares()
    write_overlay(tmp_path / "a.png", labels, labels, np.array([0.2, 0.8]))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG" and picture.size == (600, 600 + BAR)


def test_refuses_what_does_not_match():
    with pytest.raises(ValueError, match="image is"):
        draw_overlay(np.zeros((3, 3)), np.zeros((3, 4), int))
    with pytest.raises(ValueError, match="1 values of predicted IoU for 2 labels"):
        draw_overlay(two_squares(), two_squares(), np.ones(1))


def test_classes_have_colours_and_are_counted():
    labels = two_squares()
    classes = ClassColors({"round": (230, 159, 0), "long": (86, 180, 233)}, np.array([2, 1]))
    picture = draw_overlay(np.zeros(labels.shape), labels, np.ones(2), classes)
    assert picture[150, 100].tolist() == picture[150, 199].tolist() == [86, 180, 233]
    assert picture[150, 200].tolist() == picture[150, 299].tolist() == [230, 159, 0]
    strip = picture[-BAR:].reshape(-1, 3)
    for colour in ([86, 180, 233], [230, 159, 0]):
        assert (strip == colour).all(axis=1).sum() == 13 * 13
