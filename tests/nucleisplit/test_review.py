import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import nucleisplit
from nucleisplit.errors import InputError
from nucleisplit.labels.outlines import fill_outlines
from nucleisplit.review import Doubt, doubtful_first, find_doubts, read_review, write_review
from stage2_trees import Alternative


def test_lowest_predicted_iou_and_smallest_margin_by_turns():
    iou = np.array([0.9, 0.5, 0.8, 0.4, 0.7])
    margin = np.array([0.2, np.inf, 0.1, np.inf, 5.0])
    assert doubtful_first(iou, margin).tolist() == [3, 2, 1, 0, 4]
    sure = np.array([0.9, 0.99, 0.8, 0.95, 0.5])
    assert doubtful_first(iou, margin, np.ones(5)).tolist() == [3, 2, 1, 0, 4]
    assert doubtful_first(iou, margin, sure).tolist() == [3, 4, 2, 1, 0]


def fake(closest, others):
    """A segmentation of (predicted IoU, margin, kind) per nucleus, and its alternatives."""
    table = pd.DataFrame(closest, columns=["predicted_iou", "margin", "kind"])
    table = table.astype({"predicted_iou": float, "margin": float})

    def alternatives(label, kinds):
        return [other for other in others[label] if other.kind in kinds]

    return SimpleNamespace(runner_up=lambda: table, alternatives=alternatives)


def other(kind, margin, labels, corner=(0, 0), partners=()):
    return Alternative(kind, 0.61, margin, partners, np.array([0]), np.array(labels), corner)


def test_the_shown_alternative_counts_nuclei_otherwise_where_it_can():
    tighter, merged = other("tighter", 0.1, [[1]]), other("merged", 0.4, [[1, 1]], (5, 3), (2,))
    closest = [(0.8, 0.4, "merged"), (0.3, np.inf, None), (0.9, np.inf, None)]
    found = fake(closest, {1: [tighter, merged], 2: [], 3: []})
    assert find_doubts(found, limit=2) == [
        Doubt(2, 0.3),
        Doubt(1, 0.8, "merged", 0.61, 0.4, (2,), ((3, 5, 5, 5, 5, 6, 3, 6),)),
    ]
    only = fake([(0.8, np.inf, None)], {1: [tighter]})
    assert (find_doubts(only)[0].kind, find_doubts(only)[0].closeness) == ("tighter", np.inf)


def test_outlines_are_those_of_the_alternatives_and_survive_the_file(spots, model, tmp_path):
    result = nucleisplit.Segmenter(model, device="cpu").segment(spots(1)[0])
    doubts = find_doubts(result)
    assert [doubt.label for doubt in doubts[:1]] == [result.table["predicted_iou"].argmin() + 1]
    assert sorted(doubt.label for doubt in doubts) == result.table["label"].tolist()
    for doubt in doubts:
        by_kind = {a.kind: a for a in result.alternatives(doubt.label)}
        assert (doubt.kind is None) == (not by_kind)
        if doubt.kind:
            chosen = by_kind[doubt.kind]
            rings = [np.reshape(ring, (-1, 2)) for ring in doubt.outlines]
            drawn = fill_outlines(result.labels.shape, [rings], [1])
            (top, left), (height, width) = chosen.corner, chosen.labels.shape
            box = drawn[top : top + height, left : left + width]
            assert (box == (chosen.labels > 0)).all() and box.sum() == drawn.sum()
    write_review(tmp_path / "a_review.json", doubts)
    assert read_review(tmp_path / "a_review.json") == doubts


def test_no_nuclei_make_an_empty_file(tmp_path):
    write_review(tmp_path / "a.json", find_doubts(fake([], {})))
    assert read_review(tmp_path / "a.json") == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}}",
        "3",
        '["a"]',
        '[{"label": 1}]',
        '[{"label": 1, "predicted_iou": null, "kind": null}]',
        json.dumps([Doubt(1, 0.5, "split", 0.5, 0.1, (), ((1, 2, 3),)).__dict__]),
    ],
)
def test_a_file_that_is_no_review_is_named(tmp_path, content):
    path = tmp_path / "a_review.json"
    path.write_text(content)
    with pytest.raises(InputError, match="a_review.json: is no review of nuclei"):
        read_review(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_review(tmp_path / "none.json")
