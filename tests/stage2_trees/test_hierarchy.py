import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from stage2_trees.hierarchy import build_hierarchy

fields = arrays(np.uint8, (5, 6), elements=st.integers(0, 6))


@given(fields)
def test_nodes_are_the_pieces_of_all_thresholds(levels):
    tree = build_hierarchy(levels, levels > 0, 1, 1)
    flat = tree.pixels
    found = {tuple(sorted(flat[a:b])) for a, b in zip(tree.first, tree.last)}
    expected = set()
    for level in range(1, 7):
        pieces = label(levels >= level, connectivity=1).ravel()
        for piece in range(1, pieces.max() + 1):
            expected.add(tuple(sorted(p for p in flat if pieces[p] == piece)))
    assert expected <= found
    # What is more are unions half made, of several peaks that meet at one level.
    for node in range(tree.n_nodes):
        if tuple(sorted(flat[tree.first[node] : tree.last[node]])) not in expected:
            assert tree.saddle[node] == tree.saddle[tree.left[node]]


@given(fields, st.integers(1, 3), st.integers(1, 4))
def test_leaves_have_the_contrast_and_the_area_and_links_agree(levels, contrast, area):
    tree = build_hierarchy(levels, levels > 0, contrast, area)
    assert tree.n_nodes == 0 or tree.n_nodes == 2 * tree.n_leaves - (tree.parent < 0).sum()
    for leaf in range(tree.n_leaves):
        assert levels.ravel()[tree.pixels[leaf]] == tree.peak[leaf]
        pieces = label(levels >= max(tree.saddle[leaf], 1), connectivity=1).ravel()
        assert tree.parent[leaf] < 0 or tree.peak[leaf] - tree.saddle[leaf] >= contrast
        assert (pieces == pieces[tree.pixels[leaf]]).sum() >= area
    for node in range(tree.n_leaves, tree.n_nodes):
        left, right = tree.left[node], tree.right[node]
        assert tree.parent[left] == tree.parent[right] == node
        assert max(left, right) < node
        assert (tree.first[node], tree.last[left]) == (tree.first[left], tree.first[right])
        assert tree.last[node] == tree.last[right]
        assert tree.saddle[left] == tree.saddle[right] >= tree.saddle[node]


@pytest.mark.parametrize("shape", [(1, 1), (4, 5)])
def test_an_empty_mask_gives_no_node_and_a_plateau_one(shape):
    levels = np.full(shape, 3, np.uint8)
    assert build_hierarchy(levels, levels > 3, 1, 1).n_nodes == 0
    tree = build_hierarchy(levels, levels > 0, 1, 1)
    assert (tree.n_nodes, tree.pixels.tolist()) == (1, [0])


def test_a_weak_peak_dissolves_in_the_piece_it_meets():
    levels = np.array([[9, 7, 8, 3, 9]], np.uint8)
    assert build_hierarchy(levels, levels > 0, 2, 1).pixels.size == 2
    assert build_hierarchy(levels, levels > 0, 1, 1).pixels.size == 3
    assert build_hierarchy(levels, levels > 0, 1, 3).pixels.size == 1


@given(fields)
def test_trees_are_numbered_by_piece_in_raster_order(levels):
    tree = build_hierarchy(levels, levels > 0, 1, 1)
    pieces = label(levels > 0, connectivity=1).ravel()
    assert (np.diff(pieces[tree.pixels]) >= 0).all()
