import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage2_trees import (
    KINDS,
    SelectConfig,
    alternatives_of,
    build_forest,
    choose,
    second_opinions,
    true_iou,
)
from stage2_trees.best_set import add_beside, best_set

MERGED, SPLIT, TIGHTER, WIDER = range(4)


@pytest.fixture(scope="module")
def field(nuclei, oracle):
    """A small field split by the true IoU."""
    truth, maps = nuclei(5, noise=1.5)
    forest = build_forest(maps)
    return choose(forest, np.repeat(true_iou(forest, truth)[:, None], 2, axis=1), oracle)


@pytest.fixture(scope="module")
def merged(field, oracle):
    """The same with a bias for unions."""
    config = SelectConfig(split_bias=-1)
    return choose(field.forest, field.scores, oracle, selection=config)


def by_definition(candidates, gain, best, chosen):
    """Margin of each kind of each kept nucleus, looking at every candidate and set."""
    tree, node = candidates.tree, candidates.node
    leaves = [set(range(tree.first[n], tree.last[n])) for n in node]
    stands = set(best[best >= 0].tolist())
    out = np.full((chosen.size, 4), np.inf)
    for row, own in enumerate(chosen):
        inside = [i for i in stands if leaves[i] < leaves[own]]
        for i in range(node.size):
            kept = [k for k in chosen if leaves[k] <= leaves[i]]
            margin = sum(gain[k] for k in kept) - gain[i]
            if node[i] == node[own] and i != own:
                kind = TIGHTER if i > own else WIDER
            elif leaves[i] > leaves[own] and i in stands:
                kind = MERGED if len(kept) > 1 else WIDER
            elif i in inside:
                kind, margin = TIGHTER, gain[own] - gain[i]
            else:
                continue
            out[row, kind] = min(out[row, kind], margin)
        for size in range(2, tree.n_leaves + 1):
            for group in itertools.combinations(inside, size):
                if not any(leaves[i] & leaves[j] for i, j in itertools.combinations(group, 2)):
                    margin = gain[own] - sum(gain[i] for i in group)
                    out[row, SPLIT] = min(out[row, SPLIT], margin)
    return out


@given(data=st.data(), bias=st.sampled_from([-1, 0, 0.5]), least=st.sampled_from([0, -0.6]))
def test_opinions_are_the_best_by_definition(small_forests, data, bias, least):
    candidates, gain = data.draw(small_forests)
    chosen, best = best_set(candidates, gain, 0.0, bias, -0.5)
    chosen = add_beside(candidates, gain, chosen, best, least)
    tree = candidates.tree
    area = (tree.last - tree.first)[candidates.node] * (10 - candidates.step)
    split = SimpleNamespace(
        forest=SimpleNamespace(candidates=candidates, area=area),
        gain=gain,
        best=best,
        chosen=chosen,
        candidate_iou=(gain + 1) / 2,
    )
    found = second_opinions(split)
    np.testing.assert_allclose(found.margin, by_definition(candidates, gain, best, chosen))
    leaves = [range(tree.first[n], tree.last[n]) for n in candidates.node]
    for row, own in enumerate(chosen):
        parts = found.parts[found.start[row] : found.start[row + 1]]
        if np.isfinite(found.margin[row, SPLIT]):
            assert gain[own] - gain[parts].sum() == pytest.approx(found.margin[row, SPLIT])
            assert found.predicted_iou[row, SPLIT] == pytest.approx((gain[parts].mean() + 1) / 2)
            own_leaves = [leaf for part in parts for leaf in leaves[part]]
            assert len(set(own_leaves)) == len(own_leaves)
        else:
            assert parts.size == 0
        others = found.candidate[row, [MERGED, TIGHTER, WIDER]]
        expected = np.where(others >= 0, (gain[others] + 1) / 2 if gain.size else 0, np.nan)
        np.testing.assert_allclose(found.predicted_iou[row, [MERGED, TIGHTER, WIDER]], expected)


@pytest.mark.parametrize("name", ["field", "merged"])
def test_alternatives_of_a_field_are_painted_and_named(name, request):
    split = request.getfixturevalue(name)
    opinions = second_opinions(split)
    seen = set()
    for label in range(1, split.chosen.size + 1):
        mask = split.labels == label
        found = alternatives_of(split, label, opinions)
        assert [a.margin for a in found] == sorted(a.margin for a in found)
        assert found[0].kind == KINDS[opinions.closest()[label - 1]]
        for other in found:
            seen.add(other.kind)
            height, width = other.labels.shape
            y, x = other.corner
            painted = np.zeros(split.labels.shape, np.int32)
            painted[y : y + height, x : x + width] = other.labels
            assert np.array_equal(painted, split.forest.paint(other.candidates))
            assert other.predicted_iou == pytest.approx(
                split.candidate_iou[other.candidates].mean()
            )
            touched = set(np.unique(split.labels[painted > 0]).tolist()) - {0, label}
            assert touched <= set(other.partners)
            assert bool(other.partners) == (other.kind == "merged")
            if other.kind in ("tighter", "wider"):
                assert ((painted > 0).sum() > mask.sum()) == (other.kind == "wider")
            assert (other.labels.max() > 1) == (other.kind == "split")
    assert seen >= {"merged": set(KINDS), "field": {"merged", "tighter", "wider"}}[name]


def test_what_a_bias_merges_is_offered_as_a_split_again(field, merged):
    assert merged.chosen.size < field.chosen.size
    kept = set(field.chosen.tolist())
    gone = [i for i, c in enumerate(merged.chosen, start=1) if c not in kept]
    offered = [a for label in gone for a in alternatives_of(merged, label) if a.kind == "split"]
    assert len(offered) == len(gone)
    assert min(a.margin for a in offered) < 0


def test_the_closest_of_some_kinds(merged):
    found = second_opinions(merged)
    splits = found.closest(["split"])
    assert set(splits.tolist()) == {-1, SPLIT}
    assert np.array_equal(splits == SPLIT, np.isfinite(found.margin[:, SPLIT]))
    either = found.closest(["merged", "split"])
    rows = np.flatnonzero(either >= 0)
    assert np.array_equal(found.margin[rows, either[rows]], found.margin[rows, :2].min(axis=1))
    for kinds in ([], ["split", "larger"]):
        with pytest.raises(ValueError, match="some of merged, split, tighter, wider, got"):
            found.closest(kinds)


def test_a_label_out_of_range_is_refused(field):
    with pytest.raises(ValueError, match=rf"numbered 1 to {field.chosen.size}, got 0"):
        alternatives_of(field, 0)


def test_no_nuclei_no_opinions(oracle):
    split = choose(build_forest(np.zeros((3, 8, 8), np.float32)), np.zeros((0, 2)), oracle)
    found = second_opinions(split)
    assert found.margin.shape == (0, 4)
    assert found.closest().size == found.parts.size == 0
    assert split.predicted_map == 0
