import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from stage2_trees.runs import fill_gaps, find_runs, join_runs, label_components

masks = arrays(bool, (7, 8))


def filled(labels, max_area, one_owner):
    labels = labels.copy()
    fill_gaps(labels, max_area, one_owner)
    return labels


def test_runs_of_a_small_image():
    mask = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]], bool)
    start, stop, rows = find_runs(mask, False)
    assert (start.tolist(), stop.tolist(), rows.tolist()) == ([0, 3, 9], [2, 4, 11], [0, 2, 2, 3])
    start, stop, rows = find_runs(mask, True)
    assert (start.tolist(), stop.tolist()) == ([2, 4, 8, 11], [3, 8, 9, 12])
    assert join_runs(start, stop, rows, 4, False)[0].tolist() == [0, 0, 0, 0]


@given(masks, st.booleans())
def test_joined_runs_are_the_pieces_of_skimage(mask, diagonal):
    start, stop, rows = find_runs(mask, False)
    piece, count = join_runs(start, stop, rows, mask.shape[1], diagonal)
    expected = label(mask, connectivity=1 + diagonal).ravel()
    assert count == expected.max()
    for i in range(start.size):
        assert (expected[start[i] : stop[i]] == piece[i] + 1).all()


@given(masks)
def test_components_are_those_of_skimage(mask):
    labels, count = label_components(mask)
    expected, expected_count = label(mask, connectivity=1, return_num=True)
    assert count == expected_count
    assert (labels == expected).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("value", [False, True])
def test_constant_images_of_any_size(shape, value):
    labels, count = label_components(np.full(shape, value))
    assert count == value
    assert (filled(labels, 99, False) == value).all()


def test_enclosed_gaps():
    labels = np.ones((7, 9), np.uint8)
    labels[1:6, 5:] = 2
    labels[2, 2] = labels[4, 4:6] = labels[0, 7] = 0
    one = filled(labels, 99, True)
    assert one[2, 2] == 1
    assert one[4, 4] == one[4, 5] == one[0, 7] == 0
    both = filled(labels, 99, False)
    assert both[4, 4] == both[4, 5] == 1
    assert filled(labels, 1, False)[4, 4] == 0
    assert filled(labels, 1, False)[2, 2] == 1


def test_a_diagonal_gap_is_a_way_out():
    labels = np.ones((4, 4), np.uint8)
    labels[1, 1] = labels[0, 0] = 0
    assert (filled(labels, 99, False) == labels).all()


@given(arrays(np.int32, (6, 7), elements=st.integers(0, 2)), st.integers(0, 8), st.booleans())
def test_gaps_are_the_pieces_of_background_inside(labels, max_area, one_owner):
    expected = labels.copy()
    gaps = label(labels == 0, connectivity=2)
    for i in range(1, gaps.max() + 1):
        y, x = np.nonzero(gaps == i)
        if y.min() == 0 or x.min() == 0 or y.max() == 5 or x.max() == 6 or y.size > max_area:
            continue
        beside = np.concatenate([labels[y - 1, x], labels[y + 1, x], labels[y, x - 1]])
        beside = np.concatenate([beside, labels[y, x + 1]])
        owners = np.unique(beside[beside > 0])
        if owners.size == 1 or not one_owner:
            expected[y, x] = owners[0]
    assert (filled(labels, max_area, one_owner) == expected).all()
