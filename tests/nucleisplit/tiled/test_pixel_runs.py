import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nucleisplit.tiled.pixel_runs import overlapping_runs, paint_runs, runs_of

LABELS = arrays(
    np.int32,
    st.tuples(st.integers(1, 8), st.integers(1, 9)),
    elements=st.just(0) | st.sampled_from([2, 3, 7]),
)


@settings(deadline=None)  # the first call compiles
@given(LABELS)
def test_runs_painted_give_the_labels_back(labels):
    numbers = np.array([2, 3, 7])
    runs = runs_of(labels, numbers, (5, 6))
    canvas = np.zeros_like(labels)
    paint_runs(canvas, runs, numbers, 5, 6)
    assert np.array_equal(canvas, labels)
    assert (runs[:, 3] > runs[:, 2]).all()
    assert np.array_equal(runs, runs[np.lexsort((runs[:, 2], runs[:, 1]))])


def test_painting_keeps_what_is_there_and_cuts_at_the_edge():
    canvas = np.array([[0, 9, 0], [0, 0, 0]], np.uint32)
    runs = np.array([[0, 4, -2, 3], [1, 5, 2, 9], [0, 6, 0, 3]], np.int32)
    paint_runs(canvas, runs, np.array([1, 2]), 4, 0)
    assert canvas.tolist() == [[1, 9, 1], [0, 0, 2]]


@settings(deadline=None)  # the first call compiles
@given(LABELS, LABELS)
def test_overlaps_are_those_of_the_masks(first, second):
    numbers = np.array([2, 3, 7])
    runs = np.concatenate([runs_of(first, numbers), runs_of(second, numbers) + [[3, 0, 0, 0]]])
    runs = runs[np.lexsort((runs[:, 2], runs[:, 1]))].astype(np.int32)
    shared = np.zeros((6, 6), int)
    for i, j, count in overlapping_runs(runs):
        a, b = sorted((runs[i, 0], runs[j, 0]))
        shared[a, b] += count
    height, width = np.minimum(first.shape, second.shape)
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            both = (first[:height, :width] == a) & (second[:height, :width] == b)
            assert shared[i, 3 + j] == both.sum()
    assert not shared[:3, :3].any() and not shared[3:, 3:].any()


def test_an_empty_image_has_no_runs():
    empty = runs_of(np.zeros((3, 3), np.int32), np.zeros(0, int))
    assert empty.shape == (0, 4)
    assert overlapping_runs(empty).shape == (0, 3)
