import numpy as np
import pytest

from nucleisplit.report.compare import Fault, compare


def row(*runs):
    """One row of labels: (label, length) one after the other."""
    return np.repeat([label for label, _ in runs], [n for _, n in runs])[None].astype(np.int32)


@pytest.mark.parametrize(
    ("found", "truth", "faults"),
    [
        (row((1, 4), (0, 2)), row((1, 4), (0, 2)), []),
        (row((0, 6)), row((1, 4), (0, 2)), [Fault("missed", (), (1,), 1.0)]),
        (row((1, 1), (0, 5)), row((1, 4), (0, 2)), [Fault("missed", (1,), (1,), 0.75)]),
        (row((1, 6)), row((1, 2), (2, 4)), [Fault("merged", (1,), (1, 2), 2 / 3)]),
        (row((1, 3), (2, 3)), row((1, 6)), [Fault("split", (1, 2), (1,), 0.5)]),
        (row((0, 4), (1, 2)), row((1, 4), (0, 2)), "missed spurious"),
        (row((0, 4), (1, 2)), row((0, 6)), [Fault("spurious", (1,), (), 1.0)]),
        (row((1, 19), (2, 1)), row((1, 20)), []),  # a hair of a second outline is no split
        (row((1, 10)), row((1, 9), (2, 1)), "merged"),
        (row((0, 5)), row((0, 5)), []),
    ],
)
def test_faults(found, truth, faults):
    seen = compare(found, truth).faults
    if isinstance(faults, str):
        assert sorted(fault.kind for fault in seen) == faults.split()
    else:
        assert [fault.size for fault in seen] == pytest.approx([fault.size for fault in faults])
        assert [(f.kind, f.found, f.true) for f in seen] == [
            (f.kind, f.found, f.true) for f in faults
        ]


def test_score_and_iou_of_every_nucleus_found():
    one = compare(row((7, 3), (0, 1), (2, 4)), row((1, 4), (0, 4)), "a")
    assert one.iou.tolist() == [0.0, 0.75]  # labels 2 and 7
    assert (one.score.image_id, one.score.hits[:6]) == ("a", (1, 1, 1, 1, 1, 0))


def test_numbers_need_not_be_consecutive():
    faults = compare(row((900, 6)), row((50, 3), (70, 3))).faults
    assert [(f.kind, f.found, f.true) for f in faults] == [("merged", (900,), (50, 70))]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        compare(row((1, 2)), row((1, 3)))
