import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes
from skimage.measure import label

from stage2_trees import ForestConfig, build_forest
from stage2_trees.basins import grow_basins
from stage2_trees.hierarchy import build_hierarchy

SMALL = ForestConfig(min_area=1, min_leaf_area=1, min_contrast=0.01, min_area_step=0)


@pytest.fixture(scope="module", params=[0, 1, 2])
def forest(request, nuclei):
    return build_forest(nuclei(request.param, noise=1.5)[1], SMALL)


def test_every_candidate_is_one_piece_of_its_stated_area(forest):
    assert len(forest) > 60
    for i in range(len(forest)):
        mask = forest.mask(i)
        assert mask.sum() == forest.area[i] >= 1
        assert label(mask, connectivity=1).max() == 1


def test_candidates_nest_or_are_disjoint(forest):
    tree, node, step = forest.candidates.tree, forest.candidates.node, forest.candidates.step
    rng = np.random.default_rng(0)
    for i, j in rng.integers(0, len(forest), (400, 2)):
        a, b = forest.mask(i), forest.mask(j)
        related = tree.first[node[i]] <= tree.first[node[j]] < tree.last[node[i]]
        if related and step[i] <= step[j] and tree.last[node[j]] <= tree.last[node[i]]:
            assert (a[b]).all()
        elif tree.first[node[i]] >= tree.last[node[j]] or tree.first[node[j]] >= tree.last[node[i]]:
            assert not (a & b).any()


def test_leaves_have_no_holes(forest):
    leaves = np.flatnonzero(forest.candidates.node < forest.candidates.tree.n_leaves)
    for i in leaves:
        mask = forest.mask(i)
        assert (binary_fill_holes(mask) == mask).all()


def test_candidates_without_own_area_are_left_out(nuclei):
    maps = nuclei(1)[1]
    config = ForestConfig(min_area=30, min_area_step=0.1, max_leaves=2)
    forest = build_forest(maps, config)
    assert forest.area.min() >= 30
    same = forest.candidates.node[1:] == forest.candidates.node[:-1]
    assert (forest.area[1:] <= 0.9 * forest.area[:-1])[same].all()
    tree = forest.candidates.tree
    assert (tree.last - tree.first)[forest.candidates.node].max() <= 2


def test_paint_numbers_the_chosen_in_order(forest):
    node = forest.candidates.node
    leaves = np.flatnonzero(
        (node < forest.candidates.tree.n_leaves) & (np.diff(node, prepend=-1) > 0)
    )
    chosen = leaves[::-1]
    labels = forest.paint(chosen)
    assert labels.dtype == np.int32
    for i, candidate in enumerate(chosen, start=1):
        assert (labels == i)[forest.mask(candidate)].all()
    assert labels.max() == chosen.size
    assert forest.paint([]).max() == 0


def test_paint_refuses_overlaps_and_unknown_numbers(forest):
    twice = np.flatnonzero(np.diff(forest.candidates.node) == 0)[0]
    with pytest.raises(ValueError, match="overlap"):
        forest.paint([twice, twice + 1])
    with pytest.raises(ValueError, match=f"got -1 to {len(forest)}"):
        forest.paint([-1, len(forest)])


def test_paint_fills_the_gap_that_two_leaves_enclose():
    maps = np.zeros((3, 13, 15), np.float32)
    maps[0, 1:12, 1:14] = 0.9
    maps[0, :, 7] = 0.6
    maps[0, 5:8, 6:9] = 0.03
    maps[0, 0] = maps[0, -1] = 0
    forest = build_forest(maps, ForestConfig(max_hole=0))
    whole = np.flatnonzero(forest.candidates.node == 2)[:1]
    assert forest.mask(whole[0]).sum() == 11 * 13 - 9
    assert (forest.paint(whole) > 0).sum() == 11 * 13


def test_a_hole_below_the_floor_belongs_to_its_nucleus():
    maps = np.zeros((3, 9, 9), np.float32)
    maps[0, 1:8, 1:8] = 0.9
    maps[0, 4, 4] = 0
    assert build_forest(maps).area.tolist() == [49]
    assert build_forest(maps, ForestConfig(max_hole=0)).area.tolist() == [48]


def test_the_same_maps_give_the_same_forest(nuclei):
    maps = nuclei(3)[1]
    a, b = build_forest(maps), build_forest(maps.copy())
    assert (a.basin == b.basin).all()
    assert (a.sums.values == b.sums.values).all()


@pytest.mark.parametrize(
    ("value", "count"), [(0.0, 0), (1.0, 1)], ids=["empty maps", "one nucleus over all"]
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 20)])
def test_constant_body(value, count, shape):
    maps = np.zeros((3, *shape), np.float32)
    maps[0] = value
    forest = build_forest(maps)
    assert len(forest) == (count if maps[0].size >= 12 else 0)


def test_maps_full_of_ones_show_no_seed():
    forest = build_forest(np.ones((3, 20, 20)))
    assert forest.candidates.tree.peak.tolist() == [0]


def test_twenty_thousand_small_nuclei():
    maps = np.zeros((3, 564, 710), np.float32)
    tile = np.zeros((4, 5), np.float32)
    tile[:3, :4] = 0.9
    maps[0] = np.tile(tile, (141, 142))
    forest = build_forest(maps)
    assert len(forest) == 141 * 142
    assert (forest.area == 12).all()


@pytest.mark.parametrize("extents", [(), (0.5, 0.4), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5)], ids=str)
def test_wrong_extents_are_refused(extents):
    with pytest.raises(ValueError, match="extents"):
        ForestConfig(extents=extents)


def test_nan_in_a_map_is_refused():
    maps = np.zeros((3, 4, 4))
    maps[1, 2, 2] = np.nan
    with pytest.raises(ValueError, match="1 values that are NaN"):
        build_forest(maps)


def test_peaks_without_a_leaf_have_no_basin():
    levels = np.array([[5, 0, 5, 5, 5]], np.uint8)
    tree = build_hierarchy(levels, levels > 0, 1, 2)
    basin, extent = grow_basins(levels, (levels > 0).astype(np.uint8), tree, 0)
    assert basin.tolist() == [[0, 0, 1, 1, 1]]
    assert extent.tolist() == [[0, 0, 1, 1, 1]]
