import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nucleisplit.labels import fill_outlines, trace_outlines

small_labels = arrays(
    np.int32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 3)
)


def painted(outlines, shape):
    objects = [[ring for piece in pieces for ring in piece] for pieces in outlines.pieces]
    return fill_outlines(shape, objects, outlines.labels)


@settings(max_examples=200, deadline=None)
@given(small_labels)
def test_outlines_are_valid_exact_and_share_their_borders(labels):
    outlines = trace_outlines(labels)
    assert outlines.labels.tolist() == [number for number in np.unique(labels) if number]
    np.testing.assert_array_equal(painted(outlines, labels.shape), labels)
    shapes = []
    for number, pieces in zip(outlines.labels, outlines.pieces, strict=True):
        polygons = [shapely.Polygon(piece[0], piece[1:]) for piece in pieces]
        assert all(polygon.is_valid for polygon in polygons)
        whole = shapely.MultiPolygon(polygons)
        assert whole.is_valid and whole.area == (labels == number).sum()
        shapes.append(whole)
    union = shapely.union_all(shapes)  # no gaps and no overlaps
    assert union.area == (labels > 0).sum()


@pytest.mark.parametrize(
    ("drawing", "rings"),
    [
        (["11", "11"], [[4]]),
        (["10", "01"], [[4], [4]]),
        (["111", "101", "111"], [[4, 4]]),
        (["1111", "1011", "1101", "1111"], [[4, 4, 4]]),
        (["111", "101", "110"], [[6, 4]]),  # the hole opens at a corner only
        (["11111", "10001", "10101", "10001", "11111"], [[4, 4], [4]]),
    ],
)
def test_rings_of_each_piece(drawing, rings):
    labels = np.array([[int(c) for c in row] for row in drawing])
    (pieces,) = trace_outlines(labels).pieces
    assert [[len(ring) for ring in piece] for piece in pieces] == rings


def test_an_island_in_a_hole_and_a_hole_in_it_belong_to_the_right_piece():
    labels = np.zeros((9, 9), int)
    labels[0:9, 0:9] = 5
    labels[1:8, 1:8] = 0
    labels[2:7, 2:7] = 5
    labels[4, 4] = 0
    (pieces,) = trace_outlines(labels).pieces
    boxes = [[(*ring.min(0), *ring.max(0)) for ring in piece] for piece in pieces]
    assert boxes == [[(0, 0, 9, 9), (1, 1, 8, 8)], [(2, 2, 7, 7), (4, 4, 5, 5)]]


def test_nothing_gives_nothing():
    outlines = trace_outlines(np.zeros((3, 4), np.int32))
    assert outlines.labels.size == 0 and outlines.pieces == ()
    assert not fill_outlines((3, 4), [], np.array([])).any()


def test_centres_decide_and_what_is_outside_is_cut_off():
    triangle = np.array([[-2.0, -2.0], [3.1, -2.0], [-2.0, 3.1]])
    filled = fill_outlines((3, 3), [[triangle]], np.array([4]))
    assert filled.tolist() == [[4, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_crossing_rings_count_oddly_and_the_smaller_object_wins():
    bow = np.array([[0, 0], [5, 2], [5, 0], [0, 2]])
    assert fill_outlines((2, 5), [[bow]], np.array([1])).tolist() == [[1, 0, 0, 0, 1]] * 2
    inner, outer = (np.array([[0, 0], [k, 0], [k, k], [0, k]]) for k in (1, 2))
    expected = [[1, 2], [2, 2]]
    assert fill_outlines((2, 2), [[inner], [outer]], np.array([1, 2])).tolist() == expected
