import json

import numpy as np
import pytest

from stage2_trees.calibration import Calibration, CalibrationSet


def test_a_biased_score_is_mapped_to_the_truth():
    rng = np.random.default_rng(0)
    raw = rng.uniform(0, 1, 20000)
    iou = np.clip(raw**2 + rng.normal(0, 0.02, raw.size), 0, 1)
    table = Calibration.fit(raw, iou)
    assert np.abs(table.to_iou(raw) - raw**2).max() < 0.04
    hits = table.to_hits(np.array([0.6, 0.9]))
    assert hits[0].tolist() == pytest.approx([0] * 10, abs=0.01)
    assert hits[1, 0] > 0.99
    assert hits[1, -1] < 0.01
    assert (np.diff(hits, axis=1) <= 1e-9).all()


def test_weights_count():
    raw, iou = np.array([0.5, 0.5]), np.array([0.2, 0.8])
    assert Calibration.fit(raw, iou).to_iou([0.5]) == pytest.approx(0.5)
    assert Calibration.fit(raw, iou, np.array([3, 1])).to_iou([0.5]) == pytest.approx(0.35)


def test_json_round_trip():
    rng = np.random.default_rng(1)
    table = Calibration.fit(rng.random(500), rng.random(500))
    again = Calibration.from_dict(json.loads(json.dumps(table.as_dict())))
    at = np.linspace(-1, 2, 31)
    assert (again.to_hits(at) == table.to_hits(at)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iou": None}, "do not fit"),
        ({"iou": "low"}, "incomplete"),
        ({"knots": [0.2, 0.1]}, "must ascend"),
        ({"iou": [0.1]}, "do not fit"),
        ({"hits": [[0.0] * 9] * 2}, "do not fit"),
        ({"iou": [0.1, float("nan")]}, "finite"),
    ],
)
def test_broken_tables_are_refused(change, message):
    good = {"knots": [0.1, 0.2], "iou": [0.1, 0.2], "hits": [[0.0] * 10] * 2}
    Calibration.from_dict(good)
    with pytest.raises(ValueError, match=message):
        Calibration.from_dict(good | change)


def test_the_tables_of_a_set_are_used_in_turn():
    knots = np.array([0.4, 0.8])

    def table(low, high):
        return Calibration(knots, np.array([low, high]), np.repeat([[low], [high]], 10, axis=1))

    tables = CalibrationSet(table(0.1, 0.2), table(0.3, 0.4), table(0.5, 0.9))
    raw = np.array([[0.4, 0.8], [0.8, 0.6], [0.4, 0.1]])
    assert tables.to_hits(raw)[:, 0] == pytest.approx([0.1, 0.2, 0.1])
    assert tables.to_hits(raw, chosen=True)[:, 9] == pytest.approx([0.3, 0.4, 0.3])
    assert tables.to_iou(raw) == pytest.approx([0.9, 0.7, 0.1])
    again = CalibrationSet.from_dict(tables.as_dict())
    assert (again.to_iou(raw) == tables.to_iou(raw)).all()
