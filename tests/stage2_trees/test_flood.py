import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from stage2_trees.flood import flood
from stage2_trees.pieces import find_pieces


@given(arrays(np.uint8, (6, 7), elements=st.integers(0, 9)), arrays(bool, (6, 7)))
def test_flood_reaches_the_pieces_that_hold_a_marker_and_keeps_labels_connected(levels, mask):
    markers = np.zeros(levels.shape, np.int32)
    markers[0, 0], markers[5, 6] = 1, 2
    markers[~mask] = 0
    labels, reach = markers.copy(), levels.copy()
    flood(levels, find_pieces(mask), labels, reach)
    pieces = label(mask, connectivity=1)
    marked = np.isin(pieces, pieces[markers > 0]) & mask
    assert ((labels > 0) == marked).all()
    assert (reach <= levels).all()
    for i in (1, 2):
        for value in np.unique(reach[labels == i]):
            assert label((labels == i) & (reach >= value), connectivity=1).max() == 1


def test_two_floods_meet_in_the_valley():
    levels = np.array([[9, 6, 3, 1, 4, 8]], np.uint8)
    labels, reach = np.array([[1, 0, 0, 0, 0, 2]], np.int32), levels.copy()
    flood(levels, find_pieces(levels > 0), labels, reach)
    assert labels[0, :3].tolist() == [1, 1, 1]
    assert labels[0, 4:].tolist() == [2, 2]


def test_reach_is_the_lowest_value_on_the_way():
    levels = np.array([[9, 2, 7, 5]], np.uint8)
    labels, reach = np.array([[1, 0, 0, 0]], np.int32), levels.copy()
    flood(levels, find_pieces(levels > 0), labels, reach)
    assert reach.tolist() == [[9, 2, 2, 2]]
