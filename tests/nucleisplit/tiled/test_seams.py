import numpy as np
import pytest

from nucleisplit.measure import measure
from nucleisplit.tiled.pixel_runs import paint_runs, runs_of
from nucleisplit.tiled.seams import Nuclei, settle_seams


def nuclei_of(labels, iou):
    labels = np.array(labels)
    numbers = np.unique(labels[labels > 0])
    return Nuclei(runs_of(labels, numbers), measure(labels, labels, iou, iou))


def measure_part(labels, origin, rows):
    table = measure(labels, labels, rows["predicted_iou"].to_numpy(), rows["threshold"].to_numpy())
    for axis in (0, 1):
        for column in (f"bbox-{axis}", f"bbox-{axis + 2}", f"centroid-{axis}"):
            table[column] += origin[axis]
    return table


def settle(*parts, limit=99):
    settled, pending = settle_seams(Nuclei.join(parts), limit, measure_part)
    canvas = np.zeros((4, 8), np.int32)
    paint_runs(canvas, settled.runs, np.arange(1, len(settled) + 1), 0, 0)
    return canvas, settled.table, pending


ONE = [[0, 1, 1, 1, 1, 1, 0, 0]] * 2 + [[0] * 8] * 2
TWO = [[0, 1, 1, 0, 2, 2, 0, 0]] * 2 + [[0] * 8] * 2


@pytest.mark.parametrize(
    ("whole", "parts", "expected"),
    [(0.9, [0.8, 0.7], ONE), (0.75, [0.8, 0.7], TWO), (0.6, [0.8, 0.7], TWO)],
)
def test_the_highest_predicted_iou_wins_then_the_next(whole, parts, expected):
    for order in (slice(None), slice(None, None, -1)):
        both = [nuclei_of(ONE, [whole]), nuclei_of(TWO, parts)][order]
        canvas, table, pending = settle(*both)
        assert canvas.tolist() == expected
        assert len(pending) == 0
        assert table["area"].tolist() == np.bincount(canvas.ravel())[1:].tolist()


def test_equal_ones_are_one():
    canvas, table, _ = settle(nuclei_of(ONE, [0.5]), nuclei_of(ONE, [0.5]))
    assert canvas.tolist() == ONE and len(table) == 1


def test_a_shared_rim_goes_to_the_higher_and_the_other_is_measured_anew():
    left = nuclei_of([[0, 1, 1, 1, 0, 0, 0, 0]] * 4, [0.6])
    right = nuclei_of([[0, 0, 0, 1, 1, 1, 1, 0]] * 4, [0.9])
    canvas, table, _ = settle(left, right)
    assert canvas.tolist() == [[0, 1, 1, 2, 2, 2, 2, 0]] * 4
    assert table["area"].tolist() == [8, 16]
    assert table["bbox-3"].tolist() == [3, 7]
    assert table["centroid-1"].tolist() == [1.5, 4.5]
    assert table["predicted_iou"].tolist() == [0.6, 0.9]


def test_what_may_still_meet_others_waits_with_all_it_overlaps():
    labels = np.array([[1, 0, 2, 2, 0, 0, 0, 0]] * 2 + [[0, 0, 2, 2, 0, 0, 0, 3]] * 2)
    other = np.array([[0, 0, 0, 1, 1, 0, 0, 0]] + [[0] * 8] * 3)
    canvas, table, pending = settle(nuclei_of(labels, [0.5] * 3), nuclei_of(other, [0.4]), limit=2)
    assert canvas.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0]] * 2 + [[0] * 8] * 2
    assert len(table) == 1
    assert pending.table["area"].tolist() == [8, 2, 2]
    canvas, table, pending = settle(pending)
    assert len(pending) == 0
    assert (
        canvas.tolist()
        == [[0, 0, 1, 1, 2, 0, 0, 0]] + [[0, 0, 1, 1, 0, 0, 0, 0]] + [[0, 0, 1, 1, 0, 0, 0, 3]] * 2
    )


def test_order_is_from_top_to_bottom_then_left_to_right():
    labels = np.array([[0, 3, 3, 0, 1, 1, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0]])
    canvas, table, _ = settle(nuclei_of(labels, [0.5] * 3))
    assert canvas[:2].tolist() == [[0, 1, 1, 0, 2, 2, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0]]


def test_nothing_is_settled_to_nothing():
    empty = nuclei_of(np.zeros((4, 8), int), [])
    canvas, table, pending = settle(empty, empty)
    assert not canvas.any() and len(table) == 0 and len(pending) == 0
