import numpy as np
import pytest
from skimage.measure import label

from stage2_trees import RecutConfig, build_recut, forest_features, select, true_iou

PLAIN = RecutConfig(core=None, min_part_area=1, min_area=1)


def row(values, height=5):
    """Maps (3, height + 2, n + 2) of one row of body values, repeated, in an empty frame."""
    maps = np.zeros((3, height + 2, len(values) + 2), np.float32)
    maps[0, 1:-1, 1:-1] = values
    return maps


def spans(forest):
    """Columns of each candidate, as (first, last), from left to right."""
    columns = [np.flatnonzero(forest.mask(i).any(axis=0)) for i in range(len(forest))]
    return sorted((int(c[0]), int(c[-1])) for c in columns)


def test_parts_are_those_of_the_named_cuts():
    a, b = [0.9] * 4, [0.75] * 3
    # The saddle at 0.66 lies between the cuts, the one at 0.45 below the base threshold.
    forest = build_recut(row(a + [0.66] + b + [0.45] + a), PLAIN)
    assert spans(forest) == [(1, 5), (1, 8), (6, 8), (10, 13)]
    assert forest.candidates.threshold.tolist() == [0.5] * 4
    tree = forest.candidates.tree
    np.testing.assert_allclose(tree.peak / forest.levels, [0.7, 0.7, 0.7, 0.7], atol=0.01)
    np.testing.assert_allclose(tree.saddle / forest.levels, [0.6, 0.6, 0, 0], atol=0.01)


def test_a_peak_between_two_cuts_is_no_part_of_its_own():
    forest = build_recut(row([0.9, 0.9, 0.72, 0.9, 0.9]), PLAIN)
    assert spans(forest) == [(1, 5)]


def test_unions_that_no_threshold_gives_are_left_out():
    peaks = [0.9, 0.9, 0.68, 0.9, 0.9, 0.66, 0.9, 0.9, 0.62, 0.9, 0.9]
    forest = build_recut(row(peaks), PLAIN)
    assert forest.candidates.tree.n_nodes == 7
    assert len(forest) == 5
    found = spans(forest)
    found.remove((1, 11))
    assert [last - first + 1 for first, last in found] == [2, 3, 3, 3]
    assert sum(last - first + 1 for first, last in found) == 11


def test_erosion_parts_what_a_thin_neck_joins():
    maps = np.zeros((3, 11, 23), np.float32)
    maps[0, 1:10, 1:10] = maps[0, 1:10, 13:22] = maps[0, 4:6, 10:13] = 0.95
    assert spans(build_recut(maps, PLAIN)) == [(1, 21)]
    config = PLAIN.model_copy(update={"core": 0.8})
    forest = build_recut(maps, config)
    # Grown back, the two parts share out the whole.
    first, second, whole = forest.area.tolist()
    assert first + second == whole == 2 * 81 + 6
    assert min(first, second) >= 81
    assert build_recut(maps, config.model_copy(update={"erosion": 0})).area.tolist() == [168]


@pytest.mark.parametrize(
    ("erosion", "neck", "count"), [(1, 2, 3), (1, 3, 1), (2, 4, 3), (2, 5, 1), (3, 6, 3), (3, 7, 1)]
)
def test_erosion_parts_necks_of_twice_its_pixels_and_no_wider_ones(erosion, neck, count):
    maps = np.zeros((3, 13, 31), np.float32)
    maps[0, 1:12, 1:12] = maps[0, 1:12, 19:30] = maps[0, 2 : 2 + neck, 12:19] = 0.95
    config = PLAIN.model_copy(update={"core": 0.8, "erosion": erosion})
    assert len(build_recut(maps, config)) == count


def test_small_parts_and_small_regions_are_left_out():
    maps = row([0.9, 0.9, 0.9, 0.62, 0.9, 0.3, 0.9], height=4)
    assert spans(build_recut(maps, PLAIN)) == [(1, 3), (1, 5), (4, 5), (7, 7)]
    assert spans(build_recut(maps, RecutConfig(core=None))) == [(1, 5)]


def test_candidates_are_connected_described_and_selected_like_those_of_the_forest(nuclei):
    truth, maps = nuclei(2)
    forest = build_recut(maps)
    for i in range(len(forest)):
        mask = forest.mask(i)
        assert mask.sum() == forest.area[i]
        assert label(mask, connectivity=1).max() == 1
    X = forest_features(forest)
    assert X.shape[0] == len(forest)
    assert not np.isinf(X).any()
    chosen = select(forest, true_iou(forest, truth))
    labels = forest.paint(chosen)
    assert labels.max() == chosen.size > 8


@pytest.mark.parametrize(("value", "count"), [(0.0, 0), (1.0, 1)])
def test_constant_maps(value, count):
    maps = np.zeros((3, 9, 8), np.float32)
    maps[0] = value
    forest = build_recut(maps)
    assert forest.area.tolist() == [72] * count


@pytest.mark.parametrize(
    "settings", [{"cuts": (0.7, 0.6)}, {"seed": 0.65}, {"core": 0.7}, {"cuts": (1.2,)}], ids=str
)
def test_thresholds_must_ascend(settings):
    with pytest.raises(ValueError, match="ascend"):
        RecutConfig(**settings)
