import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stage2_trees.overlap import LARGEST_LABEL, best_iou, overlap_table

labels = arrays(np.int32, (5, 6), elements=st.integers(0, 4))


def test_counts_of_a_small_example():
    a = np.array([[1, 1, 0, 0], [1, 1, 2, 2]])
    b = np.array([[0, 9, 9, 0], [0, 9, 2, 2]])
    table = overlap_table(a, b)
    assert list(zip(table.a_ids, table.b_ids)) == [(1, 9), (2, 2)]
    assert table.intersection.tolist() == [2, 2]
    assert table.union.tolist() == [5, 2]
    assert table.iou.tolist() == [0.4, 1.0]
    assert table.area_a.tolist() == [2, 4, 2]
    assert table.area_b[[0, 2, 9]].tolist() == [3, 2, 3]
    assert table.labels_b.tolist() == [2, 9]


@given(labels, labels)
def test_agrees_with_counting_each_pair(a, b):
    table = overlap_table(a, b)
    found = {
        (i, j): (n, u)
        for i, j, n, u in zip(table.a_ids, table.b_ids, table.intersection, table.union)
    }
    expected = {}
    for i in range(1, 5):
        for j in range(1, 5):
            shared = int(((a == i) & (b == j)).sum())
            if shared:
                expected[i, j] = (shared, int(((a == i) | (b == j)).sum()))
    assert found == expected
    assert list(found) == sorted(found)


def test_sparse_labels_take_the_same_path_as_dense_ones():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 40, (30, 30))
    b = rng.integers(0, 40, (30, 30))
    near, far = overlap_table(a, b), overlap_table(a * 100_003, b * 100_003)
    assert (far.a_ids == near.a_ids * 100_003).all()
    assert (far.intersection == near.intersection).all()
    assert (far.iou == near.iou).all()


@pytest.mark.parametrize("dtype", [bool, np.uint8, ">u2", np.int32, np.uint64])
def test_every_integer_type_gives_the_same_table(dtype):
    a = np.array([[0, 1, 1], [0, 1, 0]])
    table = overlap_table(a.astype(dtype), a)
    assert table.iou.tolist() == [1.0]
    assert table.area_a.tolist() == [3, 3]


@pytest.mark.parametrize("shape", [(0, 4), (3, 4)])
def test_images_without_instances(shape):
    table = overlap_table(np.zeros(shape, int), np.zeros(shape, int))
    assert table.iou.size == 0
    assert table.labels_a.size == 0


def test_best_iou_takes_the_lowest_of_equal_partners():
    iou, partner = best_iou(overlap_table(np.array([[3, 3, 0, 1]]), np.array([[2, 1, 0, 0]])))
    assert iou.tolist() == [0, 0, 0, 0.5]
    assert partner.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((2, 2), int), np.zeros((2, 3), int), r"\(2, 2\) and b \(2, 3\)"),
        (np.zeros((2, 2)), np.zeros((2, 2), int), "a must hold integers, got dtype float64"),
        (np.zeros((1, 1), int), np.array([[-4]]), "b holds a negative label, -4"),
        (np.array([[LARGEST_LABEL + 1]]), np.zeros((1, 1), int), "renumber"),
    ],
)
def test_bad_input_is_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        overlap_table(a, b)
