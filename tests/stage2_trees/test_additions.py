import numpy as np
import pytest

from stage2_trees import (
    add_candidates,
    addition_at,
    alternatives_of,
    build_forest,
    choose,
    second_opinions,
    true_iou,
)


@pytest.fixture(scope="module")
def full(nuclei, oracle):
    """A small field split by the true IoU."""
    truth, maps = nuclei(5, noise=1.5)
    forest = build_forest(maps)
    return choose(forest, np.repeat(true_iou(forest, truth)[:, None], 2, axis=1), oracle)


@pytest.fixture(scope="module")
def strict(full, oracle):
    """The same without the worse half of its nuclei."""
    least = float(np.median(full.predicted_iou))
    return choose(full.forest, full.scores, oracle, min_iou=least)


def leaves(split, candidate):
    tree, node = split.forest.candidates.tree, split.forest.candidates.node[candidate]
    return set(range(tree.first[node], tree.last[node]))


def middle(mask):
    """A pixel inside."""
    inside = np.argwhere(mask)
    return inside[len(inside) // 2].tolist()


def missing(full, strict):
    gone = set(full.chosen.tolist()) - set(strict.chosen.tolist())
    assert len(gone) >= 3
    return [middle(full.forest.mask(i)) for i in sorted(gone)]


def test_the_best_that_holds_the_pixel_and_overlaps_none(full, strict):
    taken = set().union(*(leaves(strict, i) for i in strict.chosen))
    for y, x in missing(full, strict):
        found = addition_at(strict, y, x)
        free = [
            i
            for i in range(len(strict.forest))
            if strict.forest.mask(i)[y, x] and not leaves(strict, i) & taken
        ]
        assert -found.margin == pytest.approx(strict.gain[free].max())
        (own,) = found.candidates.tolist()
        assert own in free
        assert (found.kind, found.partners) == ("added", ())
        assert found.predicted_iou == strict.candidate_iou[own]
        painted = np.zeros(strict.labels.shape, np.int32)
        (top, left), (height, width) = found.corner, found.labels.shape
        painted[top : top + height, left : left + width] = found.labels
        assert np.array_equal(painted, strict.forest.paint([own]))
        assert not strict.labels[painted > 0].any()


def test_what_is_drawn_otherwise_counts_instead_of_what_was_chosen(strict):
    label = 1
    y, x = middle(strict.labels == label)
    with pytest.raises(ValueError, match=rf"pixel \({y}, {x}\) lies in nucleus 1"):
        addition_at(strict, y, x)
    erased = np.where(strict.labels == label, 0, strict.labels)
    found = addition_at(strict, y, x, erased)
    own = strict.chosen[label - 1]
    assert -found.margin >= strict.gain[own]
    full = np.full_like(strict.labels, 9)
    full[y, x] = 0
    with pytest.raises(ValueError, match=rf"outlines that hold pixel \({y}, {x}\) overlap nuclei"):
        addition_at(strict, y, x, full)


def test_added_nuclei_come_last_and_the_others_stay(full, strict, oracle):
    split, n = strict, strict.chosen.size
    for place in missing(full, strict):
        if split.labels[tuple(place)]:  # it is in the one added before
            continue
        (new,) = addition_at(split, *place).candidates.tolist()
        more = add_candidates(split, oracle, [new])
        before = split.labels > 0
        assert np.array_equal(more.labels[before], split.labels[before])
        assert more.labels[tuple(place)] == split.chosen.size + 1
        assert more.chosen.tolist() == [*split.chosen, new]
        assert more.predicted_iou[-1] == split.candidate_iou[new]
        assert more.threshold[-1] == split.forest.candidates.threshold[new]
        assert set(more.chosen) <= set(more.kept)
        assert more.hits.shape == (more.kept.size, 10)
        split = more
    assert split.chosen.size > n
    owned = [leaf for i in split.kept for leaf in leaves(split, i)]
    assert len(owned) == len(set(owned))
    assert second_opinions(split).margin.shape == (split.chosen.size, 4)
    for label in range(n + 1, split.chosen.size + 1):
        for other in alternatives_of(split, label):
            assert other.kind in ("merged", "split", "tighter", "wider")


def test_candidates_that_overlap_are_left_out(full, strict, oracle):
    own = strict.chosen[0]
    assert add_candidates(strict, oracle, [own]).chosen.tolist() == strict.chosen.tolist()
    new = addition_at(strict, *missing(full, strict)[0]).candidates[0]
    node = strict.forest.candidates.node
    same = np.flatnonzero(node == node[new])
    assert add_candidates(strict, oracle, [new, *same]).chosen.tolist() == [*strict.chosen, new]


def test_candidates_that_are_not_allowed_are_not_added(full, strict, oracle):
    y, x = missing(full, strict)[0]
    large = int(strict.forest.area.max()) + 1
    nothing = choose(strict.forest, strict.scores, oracle, min_area=large)
    with pytest.raises(ValueError, match=rf"pixel \({y}, {x}\) lies in no outline"):
        addition_at(nothing, y, x)


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (64, 0), (0, 72)])
def test_a_pixel_outside_is_refused(strict, place):
    with pytest.raises(ValueError, match="lies outside the image of 64x72"):
        addition_at(strict, *place)


def test_background_has_nothing_to_add(strict):
    y, x = np.argwhere(strict.forest.basin == 0)[0].tolist()
    with pytest.raises(ValueError, match=rf"pixel \({y}, {x}\) lies in no outline"):
        addition_at(strict, y, x)
