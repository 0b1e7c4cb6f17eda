import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from stage2_trees import best_iou, fuse_labels, fuse_maps, overlap_table


def test_maps_are_averaged_by_weight():
    maps = [np.full((3, 2, 2), value) for value in (0.0, 0.5, 1.0)]
    assert fuse_maps(maps).tolist() == np.full((3, 2, 2), 0.5).tolist()
    np.testing.assert_allclose(fuse_maps(maps, [1, 0, 3]), 0.75)
    assert fuse_maps(maps[:1]).dtype == np.float32


@pytest.mark.parametrize(
    ("shapes", "weights", "message"),
    [
        ([(3, 2, 2), (3, 2, 3)], None, r"one shape, got \[\(3, 2, 2\), \(3, 2, 3\)\]"),
        ([], None, "one shape"),
        ([(3, 2, 2)], [0], r"got \[0.0\]"),
        ([(3, 2, 2)], [1, 2], "1 maps need as many weights"),
        ([(3, 2, 2)] * 2, [2, -1], r"none below 0 and not all 0, got \[2.0, -1.0\]"),
        ([(3, 2, 2)], [np.nan], "nan"),
    ],
)
def test_maps_that_do_not_fit_are_refused(shapes, weights, message):
    with pytest.raises(ValueError, match=message):
        fuse_maps([np.zeros(shape) for shape in shapes], weights)


def test_the_better_of_two_alike_is_kept_as_it_is():
    a = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 0, 0]])
    b = np.array([[0, 1, 1, 1, 0], [1, 1, 1, 0, 0]])
    labels, scores = fuse_labels([a, b], [[0.7], [0.8]])
    assert labels.tolist() == b.tolist()
    assert scores.tolist() == [np.float32(0.8)]


def test_shared_pixels_go_to_the_better_nucleus():
    a = np.array([[1, 1, 1, 1, 0, 0, 0]])
    b = np.array([[0, 0, 0, 1, 1, 1, 1]])
    labels, scores = fuse_labels([a, b], [[0.6], [0.9]])
    assert labels.tolist() == [[1, 1, 1, 2, 2, 2, 2]]
    np.testing.assert_allclose(scores, [0.6, 0.9])


def test_what_better_ones_cover_together_is_dropped():
    whole, parts = np.ones((1, 6), int), np.array([[1, 1, 0, 0, 2, 2]])
    low, high = [0.5], [0.9, 0.8]
    assert fuse_labels([whole, parts], [low, high])[0].tolist() == parts.tolist()
    # Each part alone has an IoU of 1/3 with the whole; it is the sum that counts.
    labels, scores = fuse_labels([whole, parts], [low, high], max_covered=0.7)
    assert labels.tolist() == [[1, 1, 2, 2, 3, 3]]
    np.testing.assert_allclose(scores, [0.9, 0.5, 0.8])
    assert fuse_labels([whole, parts], [[0.95], high])[0].tolist() == whole.tolist()


def test_a_mask_is_a_label_image_of_one():
    labels, scores = fuse_labels([np.array([[True, True, False]])], [[0.5]])
    assert labels.tolist() == [[1, 1, 0]]
    assert scores.tolist() == [0.5]


def test_votes():
    a, b = np.array([[1, 1, 0, 2, 2]]), np.array([[1, 1, 0, 0, 0]])
    labels, scores = fuse_labels([a, b], [[0.6, 0.9], [0.5]], min_votes=2)
    assert labels.tolist() == [[1, 1, 0, 0, 0]]
    np.testing.assert_allclose(scores, [0.6])


def test_the_first_of_equals_is_kept():
    a, b = np.array([[1, 1, 1, 0]]), np.array([[0, 1, 1, 1]])
    assert fuse_labels([a, b], [[0.5], [0.5]], max_iou=0.4)[0].tolist() == a.tolist()


@given(
    arrays(np.int32, (6, 7), elements=st.integers(0, 4)),
    arrays(np.int32, (6, 7), elements=st.integers(0, 4)),
    st.lists(st.integers(1, 9), min_size=8, max_size=8),
)
def test_fusing_agrees_with_trying_them_one_by_one(a, b, ranks):
    scores = [np.array(ranks[:4]) / 10, np.array(ranks[4:]) / 10]
    masks = [image == i for image in (a, b) for i in range(1, 5)]
    flat = np.concatenate(scores)
    kept = []
    for i in np.argsort(-flat, kind="stable"):
        mask = masks[i]
        alike = any((mask & masks[j]).sum() > 0.5 * (mask | masks[j]).sum() for j in kept)
        covered = sum((mask & masks[j]).sum() for j in kept)
        if mask.any() and not alike and covered <= 0.5 * mask.sum():
            kept.append(i)
    expected = np.zeros((6, 7))
    for i in reversed(kept):
        expected[masks[i]] = flat[i]
    labels, found = fuse_labels([a, b], scores)
    np.testing.assert_allclose(np.append(0, found)[labels], expected, atol=1e-6)
    assert found.size == labels.max()
    assert (
        np.unique(labels[labels > 0], return_index=True)[0] == np.arange(1, found.size + 1)
    ).all()


def test_two_views_of_a_field_give_what_both_saw(nuclei):
    truth, _ = nuclei(3)
    truth = label(truth, background=0, connectivity=1)
    moved = np.roll(truth, 1, axis=1)
    scores = [np.full(truth.max(), 0.9), np.full(truth.max(), 0.5)]
    labels, kept = fuse_labels([truth, moved], scores)
    whole = best_iou(overlap_table(truth, labels))[0][1:]
    assert (whole == 1).all()
    assert (kept == np.float32(0.9)).sum() == truth.max()


@pytest.mark.parametrize("shape", [(0, 4), (3, 4)])
def test_images_without_nuclei(shape):
    labels, scores = fuse_labels([np.zeros(shape, int)] * 2, [[], []])
    assert labels.shape == shape
    assert labels.max(initial=0) == scores.size == 0


@pytest.mark.parametrize(
    ("labels", "scores", "settings", "message"),
    [
        ([], [], {}, "0 label images"),
        ([[[1]]], [[0.5], [0.5]], {}, "1 label images need as many arrays of scores, got 2"),
        ([[[1]], [[1, 1]]], [[0.5], [0.5]], {}, r"shape \(1, 1\), got int64 \(1, 2\)"),
        ([[[1.5]]], [[0.5]], {}, "float64"),
        ([[[2]]], [[0.5]], {}, "labels run from 2 to 2, with 1 scores"),
        ([[[-1]]], [[0.5]], {}, "labels run from -1 to -1"),
        ([[[1]]], [[np.nan]], {}, "NaN"),
        ([[[1]]], [[0.5]], {"max_iou": 1.5}, "got 1.5, 0.5, 1"),
        ([[[1]]], [[0.5]], {"min_votes": 2}, "between 1 and 1, got 0.5, 0.5, 2"),
    ],
)
def test_what_does_not_fit_is_refused(labels, scores, settings, message):
    with pytest.raises(ValueError, match=message):
        fuse_labels(labels, scores, **settings)
