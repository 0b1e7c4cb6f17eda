import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage2_trees import Candidates, SelectConfig, build_forest, metric_score, select, true_iou
from stage2_trees.hierarchy import Hierarchy
from stage2_trees.select import best_set, hits


@st.composite
def small_forests(draw):
    """Random merge trees of up to 5 leaves, up to 3 extents a node, with a gain for each."""
    n_leaves = draw(st.integers(1, 5))
    ranges = [(i, i + 1) for i in range(n_leaves)]
    left, right, parent = [-1] * n_leaves, [-1] * n_leaves, [-1] * n_leaves
    roots = list(range(n_leaves))
    while len(roots) > 1 and draw(st.booleans()):
        i = draw(st.integers(0, len(roots) - 2))
        a, b = roots[i : i + 2]
        left.append(a)
        right.append(b)
        parent[a] = parent[b] = len(parent)
        parent.append(-1)
        ranges.append((ranges[a][0], ranges[b][1]))
        roots[i : i + 2] = [len(parent) - 1]
    first, last = np.array(ranges, np.int32).T
    zeros = np.zeros(len(parent), np.int32)
    tree = Hierarchy(
        *(np.array(x, np.int32) for x in (left, right, parent)),
        first,
        last,
        zeros,
        zeros,
        np.arange(n_leaves, dtype=np.int32),
    )
    counts = [draw(st.integers(0, 3)) for _ in parent]
    node = np.repeat(np.arange(len(parent), dtype=np.int32), counts)
    step = np.concatenate([np.arange(1, c + 1) for c in counts]).astype(np.int32)
    gain = draw(st.lists(st.integers(-8, 8), min_size=node.size, max_size=node.size).map(np.array))
    return Candidates(tree, node, step, (0.4, 0.5, 0.6)), gain.reshape(-1) / 8


def overlap(candidates, i, j):
    tree, node = candidates.tree, candidates.node
    return tree.first[node[i]] < tree.last[node[j]] and tree.first[node[j]] < tree.last[node[i]]


def brute_force(candidates, gain):
    best = 0.0
    for size in range(1, candidates.tree.n_leaves + 1):
        for group in itertools.combinations(range(len(candidates)), size):
            if not any(overlap(candidates, i, j) for i, j in itertools.combinations(group, 2)):
                best = max(best, sum(gain[i] for i in group))
    return best


@given(small_forests())
def test_best_set_is_what_trying_all_sets_finds(forest):
    candidates, gain = forest
    chosen = best_set(candidates, gain)
    assert gain[chosen].sum() == brute_force(candidates, gain)
    assert (gain[chosen] > 0).all()
    assert (np.diff(chosen) > 0).all()
    pairs = itertools.combinations(chosen, 2)
    assert not any(overlap(candidates, i, j) for i, j in pairs)


@given(small_forests())
def test_certain_scores_choose_at_least_as_well_as_any_single_candidate(forest):
    candidates, gain = forest
    iou = np.clip(gain, 0, 1)
    chosen = select(candidates, iou)
    n_true = 1
    if len(iou):
        single = max(metric_score(iou[[i]], n_true) for i in range(len(iou)))
        assert metric_score(iou[chosen], n_true) >= single - 1e-9


def pair(extents=(0.4, 0.5, 0.6), steps=(1, 2, 3)):
    """Two leaves and their union, each at the same extents."""
    index = [np.array(x, np.int32) for x in ([-1, -1, 0], [-1, -1, 1], [2, 2, -1])]
    ranges = [np.array(x, np.int32) for x in ([0, 1, 0], [1, 2, 2])]
    zeros = np.zeros(3, np.int32)
    tree = Hierarchy(*index, *ranges, zeros, zeros, np.arange(2, dtype=np.int32))
    node = np.repeat(np.arange(3, dtype=np.int32), len(steps))
    return Candidates(tree, node, np.tile(np.array(steps, np.int32), 3), extents)


def test_oracle_takes_the_parts_or_the_whole_by_what_is_true():
    candidates = pair()
    parts = np.array([0.2, 0.9, 0.8, 0.3, 0.9, 0.8, 0.55, 0.5, 0.45])
    assert select(candidates, parts).tolist() == [1, 4]
    whole = np.array([0.2, 0.55, 0.5, 0.3, 0.4, 0.4, 0.85, 0.9, 0.8])
    assert select(candidates, whole).tolist() == [7]
    assert select(candidates, np.full(9, 0.4)).size == 0


def test_margin_keeps_the_reference_extent():
    hit = np.repeat([[0.60], [0.58], [0.5], [0.8], [0.6], [0.5], [0], [0], [0]], 10, axis=1)
    candidates = pair()
    assert select(candidates, hit, SelectConfig(margin=0)).tolist() == [0, 3]
    middle = SelectConfig(margin=0.05, reference_extent=0.5)
    assert select(candidates, hit, middle).tolist() == [1, 3]
    lowest = SelectConfig(margin=0.05, reference_extent=0.4)
    assert select(candidates, hit, lowest).tolist() == [0, 3]


def test_reference_is_the_last_extent_where_all_are_below():
    candidates = pair(extents=(0.2, 0.3), steps=(1, 2))
    hit = np.repeat([[0.60], [0.58], [0.6], [0.58], [0], [0]], 10, axis=1)
    assert select(candidates, hit, SelectConfig(margin=0.05)).tolist() == [1, 3]


def test_split_bias_tips_the_balance():
    hit = np.repeat([[0.0], [0.45], [0], [0], [0.45], [0], [0], [0.6], [0]], 10, axis=1)
    candidates = pair()
    merged = select(candidates, hit, SelectConfig(split_bias=-0.3))
    split = select(candidates, hit, SelectConfig(split_bias=0.3))
    assert (merged.tolist(), split.tolist()) == ([7], [1, 4])


def test_hits_are_strict_at_every_threshold_in_single_precision():
    exact = np.arange(10, 21) / np.float32(20)
    assert hits(exact.astype(np.float32)).sum(axis=1).tolist() == list(range(11))


def test_metric_score_of_known_cases():
    assert metric_score(np.array([]), 0) == 1
    assert metric_score(np.array([]), 3) == 0
    assert metric_score(np.array([0.4]), 0) == 0
    assert metric_score(np.array([1.0, 1.0]), 2) == 1
    assert metric_score(np.array([1.0, 0.1]), 2) == pytest.approx(1 / 3)


def test_oracle_beats_the_leaves_on_a_noisy_field(nuclei):
    truth, maps = nuclei(2, noise=1.5)
    forest = build_forest(maps)
    iou = true_iou(forest, truth)
    n_true = np.unique(truth[truth > 0]).size
    node = forest.candidates.node
    leaves = np.flatnonzero(
        (node < forest.candidates.tree.n_leaves) & (np.diff(node, prepend=-1) > 0)
    )
    assert metric_score(iou[select(forest, iou)], n_true) > metric_score(iou[leaves], n_true) + 0.02


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (np.zeros(8), r"must be \(9,\) or \(9, 10\), got \(8,\)"),
        (np.full(9, np.nan), "NaN"),
    ],
)
def test_wrong_scores_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        select(pair(), scores)
