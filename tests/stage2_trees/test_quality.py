import numpy as np
import pytest

from stage2_trees import Candidates, map_correlation, predicted_map
from stage2_trees.hierarchy import Hierarchy
from stage2_trees.quality import DOUBTFUL, expected_missed


@pytest.fixture
def candidates():
    """Two trees: leaves 0 and 1 with their union 3, and leaf 2 alone; two candidates of leaf 0."""
    left, right, parent, first, last = (
        np.array(x, np.int32)
        for x in ([-1, -1, -1, 0], [-1, -1, -1, 1], [3, 3, -1, -1], [0, 1, 2, 0], [1, 2, 3, 2])
    )
    zeros = np.zeros(4, np.int32)
    tree = Hierarchy(left, right, parent, first, last, zeros, zeros, np.arange(3, dtype=np.int32))
    node = np.array([0, 0, 1, 2, 3], np.int32)
    return Candidates(tree, node, np.array([1, 2, 1, 1, 1], np.int32), (0.4, 0.6))


FOUND = np.array([0.2, 0.3, 0.4, 0.5, 0.6])


@pytest.mark.parametrize(
    ("chosen", "missed"),
    [
        ([], 0.7 + 0.5),
        ([0], 0.4 + 0.5),
        ([2], 0.3 + 0.5),
        ([4], 0.5),
        ([3], 0.7),
        ([0, 2, 3], 0),
    ],
)
def test_missed_are_the_best_candidates_beside_those_kept(candidates, chosen, missed):
    assert expected_missed(candidates, np.array(chosen, int), FOUND) == pytest.approx(missed)


def test_a_union_may_be_what_is_missed(candidates):
    found = np.array([0.2, 0.3, 0.4, 0.0, 0.9])
    assert expected_missed(candidates, np.array([], int), found) == pytest.approx(0.9)


def test_predicted_map_of_known_cases(candidates):
    everything = np.array([0, 2, 3])
    assert predicted_map(candidates, everything, np.ones((3, 10)), FOUND) == 1
    assert predicted_map(candidates, everything, np.zeros((3, 10)), FOUND) == 0
    # 1.5 hits expected of 3 kept and 3 true.
    half = predicted_map(candidates, everything, np.full((3, 10), 0.5), FOUND)
    assert half == pytest.approx(1.5 / 4.5)
    # Half of the thresholds certain, half impossible: 1 kept, 1.7 true.
    kept = np.repeat([[1.0, 0.0]], 5, axis=1)
    assert predicted_map(candidates, np.array([3]), kept, FOUND) == pytest.approx(0.5 / 1.7)
    assert predicted_map(candidates, np.array([], int), np.zeros((0, 10)), FOUND) == 0


def test_correlation_report():
    predicted = np.array([DOUBTFUL, DOUBTFUL - 0.1, 0.6, 0.8])
    report = map_correlation(predicted, np.array([0.5, 0.1, 0.4, 0.9]))
    assert report["spearman"] == pytest.approx(0.8)
    assert report["mean_absolute_error"] == pytest.approx((0.15 + 0.15 + 0.2 + 0.1) / 4)
    assert report["bias"] == pytest.approx((-0.15 + 0.15 + 0.2 - 0.1) / 4)
    assert (report["warned"], report["warned_failed"]) == (0.25, 1.0)
    flat = map_correlation(np.full(3, 0.9), np.array([0.1, 0.2, 0.3]))
    assert np.isnan(flat["spearman"])
    assert flat["warned"] == 0
    assert np.isnan(flat["warned_failed"])
