import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage2_trees import Candidates, SelectConfig, build_forest, metric_score, select, true_iou
from stage2_trees.best_set import best_set
from stage2_trees.hierarchy import Hierarchy
from stage2_trees.select import find_rates, hits, settle


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


@given(data=st.data())
def test_best_set_is_what_trying_all_sets_finds(small_forests, data):
    candidates, gain = data.draw(small_forests)
    chosen, _ = best_set(candidates, gain)
    assert gain[chosen].sum() == brute_force(candidates, gain)
    assert (gain[chosen] > 0).all()
    assert (np.diff(chosen) > 0).all()
    pairs = itertools.combinations(chosen, 2)
    assert not any(overlap(candidates, i, j) for i, j in pairs)


@given(data=st.data())
def test_certain_scores_choose_at_least_as_well_as_any_single_candidate(small_forests, data):
    candidates, gain = data.draw(small_forests)
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


BIASES = (-1, -0.6, -0.3, -0.1, 0, 0.1, 0.3, 0.6, 1)


@given(data=st.data())
def test_a_higher_bias_never_gives_fewer(small_forests, data):
    candidates, gain = data.draw(small_forests)
    sets = [best_set(candidates, gain, 0.0, b, -0.5)[0] for b in BIASES]
    sizes = [chosen.size for chosen in sets]
    assert sizes == sorted(sizes)
    assert np.array_equal(sets[4], best_set(candidates, gain)[0])
    for chosen in sets:
        pairs = itertools.combinations(chosen, 2)
        assert not any(overlap(candidates, i, j) for i, j in pairs)


def test_bias_moves_the_number_of_nuclei_of_a_field_step_by_step(nuclei):
    truth, maps = nuclei(3, (128, 144), 150, noise=1.5)
    forest = build_forest(maps)
    error = np.random.default_rng(0).normal(0, 0.25, len(forest))
    hit = 0.5 * hits(true_iou(forest, truth) + error) + 0.2
    sizes = [select(forest, hit, SelectConfig(split_bias=b)).size for b in BIASES]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) >= 4
    assert np.array_equal(select(forest, hit, SelectConfig(split_bias=0)), select(forest, hit))


@pytest.mark.parametrize(
    ("union", "bias", "expected"),
    [
        (0.60, 0, [7]),
        (0.60, 0.04, [7]),
        (0.60, 0.05, [1, 4]),
        (0.98, 0.3, [7]),
        (0.98, 0.4, [1, 4]),
        (0.30, 0, [1, 4]),
        (0.30, -0.6, [7]),
        (0.06, -0.9, [1, 4]),
        (0.06, -1, [7]),
        (0.04, -1, [1, 4]),
    ],
)
def test_bias_lowers_the_bar_of_the_union_or_of_its_parts(union, bias, expected):
    """Two parts of hit rate 0.45; a nucleus pays from a hit rate of 1/3 on."""
    hit = np.repeat([[0.0], [0.45], [0], [0], [0.45], [0], [0], [union], [0]], 10, axis=1)
    config = SelectConfig(split_bias=bias, iterations=1)
    assert select(pair(), hit, config).tolist() == expected


@pytest.mark.parametrize(("weak", "expected"), [(0.11, [1, 4]), (0.09, [7])])
def test_a_full_bias_splits_where_both_parts_are_credible(weak, expected):
    hit = np.repeat([[0.0], [0.6], [0], [0], [weak], [0], [0], [0.9], [0]], 10, axis=1)
    config = SelectConfig(split_bias=1, iterations=1)
    assert select(pair(), hit, config).tolist() == expected


def test_bias_neither_makes_nor_unmakes_a_lone_nucleus():
    hit = np.repeat([[0.0], [0.6], [0], [0], [0.1], [0], [0], [0.5], [0]], 10, axis=1)
    for bias in BIASES:
        assert select(pair(), hit, SelectConfig(split_bias=bias)).tolist() == [1]


SENSITIVITIES = (-1, -0.6, -0.3, -0.1, 0, 0.1, 0.3, 0.6, 1)


@given(data=st.data(), bias=st.sampled_from([-1, -0.4, 0, 0.4, 1]))
def test_what_is_kept_at_one_sensitivity_is_kept_at_every_higher_one(small_forests, data, bias):
    candidates, gain = data.draw(small_forests)
    hit = np.repeat((gain[:, None] + 1) / 2, 10, axis=1)
    found = [
        settle(candidates, hit, SelectConfig(split_bias=bias, sensitivity=s)) for s in SENSITIVITIES
    ]
    plain = settle(candidates, hit, SelectConfig(split_bias=bias))
    assert np.array_equal(found[4].chosen, plain.chosen)
    for lower, higher in itertools.pairwise(found):
        assert set(lower.chosen) <= set(higher.chosen)
    for one in found:
        assert np.array_equal(one.gain, plain.gain)
        assert np.array_equal(one.best, plain.best)
        assert (np.diff(one.chosen) > 0).all()
        pairs = itertools.combinations(one.chosen, 2)
        assert not any(overlap(candidates, i, j) for i, j in pairs)
    stand = plain.best[plain.best >= 0]
    free = [i for i in stand if not any(overlap(candidates, i, j) for j in found[-1].chosen)]
    assert (hit[free, 0] <= 0.05 + 1e-9).all()


@given(data=st.data(), sensitivity=st.sampled_from([0.2, 0.5, 1]))
def test_a_higher_bias_never_gives_fewer_at_a_sensitivity(small_forests, data, sensitivity):
    candidates, gain = data.draw(small_forests)
    hit = np.repeat((gain[:, None] + 1) / 2, 10, axis=1)
    sizes = [
        select(candidates, hit, SelectConfig(split_bias=b, sensitivity=sensitivity)).size
        for b in BIASES
    ]
    assert sizes == sorted(sizes)


def test_sensitivity_moves_the_number_of_nuclei_of_a_field_step_by_step(nuclei):
    truth, maps = nuclei(3, (128, 144), 150, noise=1.5)
    forest = build_forest(maps)
    error = np.random.default_rng(0).normal(0, 0.25, len(forest))
    hit = 0.5 * hits(true_iou(forest, truth) + error) + 0.2
    sizes = [select(forest, hit, SelectConfig(sensitivity=s)).size for s in SENSITIVITIES]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) >= 6


@pytest.mark.parametrize(
    ("hit_rate", "sensitivity", "kept"),
    [
        (0.34, 0, True),
        (0.34, -0.1, False),
        (0.55, -0.4, True),
        (0.55, -0.5, False),
        (0.81, -1, True),
        (0.79, -1, False),
        (0.32, 0, False),
        (0.32, 0.1, True),
        (0.20, 0.5, True),
        (0.18, 0.5, False),
        (0.06, 1, True),
        (0.04, 1, False),
    ],
)
def test_sensitivity_moves_the_bar_of_a_lone_nucleus(hit_rate, sensitivity, kept):
    """At a score of 1/2 a nucleus pays from a hit rate of 1/3 on."""
    hit = np.repeat([[0.0], [hit_rate], [0], [0], [0.0], [0], [0], [0], [0]], 10, axis=1)
    config = SelectConfig(sensitivity=sensitivity, iterations=1)
    assert select(pair(), hit, config).tolist() == [1] * kept


def test_sensitivity_adds_the_best_first_and_only_beside_what_is_kept():
    hit = np.repeat([[0.0], [0.15], [0], [0], [0.1], [0], [0], [0.2], [0]], 10, axis=1)
    full = SelectConfig(sensitivity=1, iterations=1)
    assert select(pair(), hit, full).tolist() == [7]
    hit[1] = 0.25
    assert select(pair(), hit, full).tolist() == [1, 4]
    hit[1] = 0.6
    assert select(pair(), hit, full).tolist() == [1, 4]
    allowed = np.ones(9, bool)
    allowed[3:6] = False
    assert settle(pair(), hit, full, allowed).chosen.tolist() == [1]


def test_certain_scores_know_no_sensitivity():
    parts = np.array([0.2, 0.6, 0.5, 0.3, 0.52, 0.5, 0.4, 0.4, 0.4])
    plain = select(pair(), parts).tolist()
    for sensitivity in SENSITIVITIES:
        assert select(pair(), parts, SelectConfig(sensitivity=sensitivity)).tolist() == plain


def test_settle_tells_what_each_candidate_is_worth_and_leaves_out_what_is_not_allowed():
    hit = np.repeat([[0.2], [0.9], [0.8], [0.3], [0.9], [0.8], [0.7], [0.5], [0.4]], 10, axis=1)
    config = SelectConfig(iterations=1, margin=0)
    found = settle(pair(), hit, config)
    assert found.chosen.tolist() == [1, 4]
    assert found.best.tolist() == [1, 4, 6]
    # At a score of 1/2 a nucleus pays from a hit rate of 1/3 on.
    np.testing.assert_allclose(found.gain, hit[:, 0] - 1 / 3)
    allowed = np.ones(9, bool)
    allowed[[3, 4, 5]] = False
    found = settle(pair(), hit, config, allowed)
    assert found.chosen.tolist() == [1]
    assert found.best.tolist() == [1, -1, 6]
    assert np.isneginf(found.gain[3:6]).all()


def test_a_hit_counts_for_more_at_thresholds_where_fewer_are_hit():
    sure = np.linspace(1, 0.1, 10)
    hit = np.zeros((9, 10))
    hit[1] = hit[4] = sure
    rates = find_rates([pair()], [hit], SelectConfig(iterations=2, margin=0))
    # Two are kept and two are true: so many thresholds' hits, and so large a denominator.
    found, union = 2 * sure, 4 - 2 * sure
    np.testing.assert_allclose(rates.level, found / union)
    np.testing.assert_allclose(rates.weight, 2.9 / union)
    assert rates.weight[0] == pytest.approx(1.45) and rates.weight[9] == pytest.approx(2.9 / 3.8)
    gain = settle(pair(), hit, SelectConfig(iterations=2, margin=0)).gain
    change = [(h * (1 + a / d) - a / d) / d for h, a, d in zip(sure, found, union, strict=True)]
    unit = [(1 + a / d) / d for a, d in zip(found, union, strict=True)]
    assert gain[1] == pytest.approx(sum(change) / sum(unit))


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


def test_a_nucleus_counts_for_more_where_others_are_missed():
    hit = np.zeros((9, 10))
    hit[1] = 0.9
    alone = find_rates([pair()], [hit], SelectConfig(margin=0))
    hit[4, 0] = 0.3  # not worth its cost
    beside = find_rates([pair()], [hit], SelectConfig(margin=0))
    np.testing.assert_allclose(alone.level, 0.9 / 1.1)
    np.testing.assert_allclose(beside.level, 0.9 / 1.4)


@pytest.mark.parametrize(
    ("bias", "chosen"), [(0, [1, 4]), (0.4, [1, 4]), (1, [0, 3]), (-0.4, [1, 4]), (-1, [2, 5])]
)
def test_outlines_are_drawn_wider_or_tighter(bias, chosen):
    hit = np.full((9, 10), 0.1)
    hit[[1, 4]] = 0.9
    found = settle(pair(), hit, SelectConfig(outline_bias=bias))
    assert found.chosen.tolist() == chosen
    assert found.best[:2].tolist() == chosen


def test_an_outline_that_may_not_be_chosen_stays():
    hit = np.full((9, 10), 0.1)
    hit[[1, 4]] = 0.9
    allowed = np.arange(9) != 2
    found = settle(pair(), hit, SelectConfig(outline_bias=-1), allowed)
    assert found.chosen.tolist() == [1, 5]
