"""Outlines of slices joined to volumes."""

import numpy as np
import pytest

from stage2_trees import LinkConfig, link_slices
from stage2_trees.link import match

ANY = LinkConfig(min_slices=1, min_volume=1, max_valley=0)


def bars(*lengths):
    """One row a slice, its nucleus that many pixels long."""
    labels = np.zeros((len(lengths), 1, max(lengths)), np.int32)
    for row, length in zip(labels, lengths):
        row[0, :length] = 1
    return labels


def numbers(linked):
    return [np.unique(image[image > 0]).tolist() for image in linked.labels]


def test_pairs_are_chosen_for_the_greatest_sum():
    one, two = np.array([0, 0, 1, 1, 2]), np.array([7, 8, 7, 8, 9])
    chosen = match(one, two, np.array([0.9, 0.5, 0.6, 0.1, 0.3]))  # 0.5 + 0.6 > 0.9 + 0.1
    assert [part.tolist() for part in chosen] == [[0, 1, 2], [8, 7, 9]]


def test_an_item_stays_alone_rather_than_spoil_a_better_pair():
    chosen = match(np.array([0, 1]), np.array([7, 7]), np.array([0.2, 0.9]))
    assert [part.tolist() for part in chosen] == [[1], [7]]


def test_matching_agrees_with_trying_everything():
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(0)
    weight = rng.random((9, 6)) * (rng.random((9, 6)) < 0.5)
    one, two = np.nonzero(weight)
    a, b = match(one, two, weight[one, two])
    assert len(set(a)) == a.size and len(set(b)) == b.size
    best = linear_sum_assignment(weight, maximize=True)
    assert weight[a, b].sum() == pytest.approx(weight[best].sum())


@pytest.mark.parametrize(("least", "expected"), [(0.5, [[1], [1]]), (0.51, [[1], [2]])])
def test_pairs_need_the_iou(least, expected):
    linked = link_slices(bars(4, 8), ANY.model_copy(update={"min_iou": least}))
    assert numbers(linked) == expected
    assert linked.volume.tolist() == [n for row in expected for n in row]


@pytest.mark.parametrize(("bridge", "expected"), [(True, [[1], [1], [1]]), (False, [[1], [], [2]])])
def test_a_missing_slice_is_bridged_by_what_its_neighbours_share(bridge, expected):
    linked = link_slices(bars(4, 0, 6), ANY.model_copy(update={"bridge": bridge}))
    assert numbers(linked) == expected
    assert (linked.labels[1] > 0).sum() == 4 * bridge


def test_bridges_leave_other_nuclei_alone():
    labels = bars(6, 0, 6)
    labels[1, 0, 5] = 1
    linked = link_slices(labels, ANY)
    assert linked.labels[:, 0].tolist() == [[1] * 6, [1] * 5 + [2], [1] * 6]


def test_two_slices_in_a_row_are_not_bridged():
    assert numbers(link_slices(bars(4, 0, 0, 4), ANY)) == [[1], [], [], [2]]


@pytest.mark.parametrize(
    ("areas", "expected"),
    [
        ((5, 9, 8, 5, 8, 9), [1, 1, 1, 2, 2, 2]),  # the foot begins the second
        ((5, 9, 8, 9, 5), [1, 1, 1, 1, 1]),  # too shallow
        ((9, 5, 9, 5, 9), [1, 2, 2, 3, 3]),
        ((9, 5, 6, 9), [1, 2, 2, 2]),
        ((9, 7, 5), [1, 1, 1]),
    ],
)
def test_volumes_are_cut_at_deep_valleys_of_their_area(areas, expected):
    config = LinkConfig(min_iou=0.1, min_slices=1, min_volume=1, max_valley=0.7)
    assert link_slices(bars(*areas), config).volume.tolist() == expected


def test_small_volumes_are_dropped_and_the_others_numbered_in_order():
    labels = np.zeros((2, 1, 12), np.int32)
    labels[:, 0, :2], labels[0, 0, 3:6], labels[:, 0, 7:] = 1, 2, [[3], [2]]
    linked = link_slices(labels, LinkConfig(min_slices=2, min_volume=5))
    assert linked.volume.tolist() == [0, 0, 1, 0, 1]
    linked = link_slices(labels, LinkConfig(min_slices=1, min_volume=3))
    assert linked.volume.tolist() == [1, 2, 3, 1, 3]


def test_without_nuclei_there_are_no_volumes():
    linked = link_slices(np.zeros((3, 4, 5), np.int32))
    assert linked.labels.shape == (3, 4, 5) and not linked.labels.any()
    assert linked.volume.size == 0


@pytest.mark.parametrize("bad", [np.zeros((4, 4), int), np.zeros((2, 4, 4))])
def test_other_arrays_are_refused(bad):
    with pytest.raises(ValueError, match=r"labels must be \(Z, H, W\) integers"):
        link_slices(bad)
