import numpy as np
import pytest

from stage1_unet import make_targets


def drawn(mask):
    return ["".join(".#"[int(value)] for value in row) for row in mask]


def two_squares(gap):
    labels = np.zeros((9, 14 + gap), np.int32)
    labels[1:8, 1:7] = 1
    labels[1:8, 7 + gap : 13 + gap] = 2
    return labels


def test_border_is_the_inner_contour_of_each():
    _, border, _ = make_targets(two_squares(0))
    assert drawn(border)[1:4] == [".############.", ".#....##....#.", ".#....##....#."]


@pytest.mark.parametrize(
    ("gap", "row"),
    [
        (0, ".....####....."),
        (1, "......###......"),
        (2, ".......##......."),
        (3, "........#........"),
        (4, ".................."),
    ],
)
def test_separation_of_touching_and_near_squares(gap, row):
    _, _, separation = make_targets(two_squares(gap))
    assert drawn(separation)[4] == row


@pytest.mark.parametrize(("side", "band"), [(17, 1), (18, 2), (44, 2), (45, 3)])
def test_band_widens_with_area(side, band):
    labels = np.zeros((50, 50), np.int32)
    labels[1 : side + 1, 1 : side + 1] = 1
    _, border, _ = make_targets(labels)
    assert border[side // 2].sum() == 2 * band


def test_width_of_the_smaller_neighbour_counts():
    labels = np.zeros((60, 80), np.int32)
    labels[5:55, 5:55] = 1
    labels[25:35, 55:65] = 2
    assert make_targets(labels)[2][30].sum() == 4


def test_image_edge_is_no_contour():
    assert make_targets(np.ones((5, 5), np.int32)).sum(axis=(1, 2)).tolist() == [25, 0, 0]


def test_no_nucleus():
    assert not make_targets(np.zeros((3, 4), np.uint16)).any()


def test_many_ids_stay_apart():
    labels = np.arange(70_000, dtype=np.int32).reshape(250, 280)
    body, border, separation = make_targets(labels)
    assert body.sum() == labels.size - 1
    assert border[1:, 1:].all() and separation.all()
