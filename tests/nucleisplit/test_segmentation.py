import numpy as np
import pandas as pd
import pytest

import nucleisplit
from nucleisplit.errors import ConfigError, InputError


@pytest.fixture(scope="module")
def segmenter(model):
    return nucleisplit.Segmenter(model, device="cpu")


@pytest.fixture(scope="module")
def result(segmenter, spots):
    return segmenter.segment(spots(12, (96, 96), 24)[0], keep_maps=True)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_iou": 0.6},
        {"min_area": 150},
        {"split_bias": -1},
        {"split_bias": 1, "min_area": 60, "min_iou": 0.3},
    ],
)
def test_choosing_again_is_a_fresh_run(result, model, spots, options):
    again = result.reselect(**options)
    fresh = nucleisplit.Segmenter(model, device="cpu", **options)(spots(12, (96, 96), 24)[0])
    assert np.array_equal(again.labels, fresh.labels)
    pd.testing.assert_frame_equal(again.table, fresh.table)
    assert again.predicted_map == fresh.predicted_map
    assert again.maps is result.maps


def test_choosing_again_keeps_what_is_not_given_and_goes_back(result):
    strict = result.reselect(min_area=150)
    assert 0 < len(strict.table) < len(result.table)
    assert strict.table["area"].min() >= 150
    merged = strict.reselect(split_bias=-1)
    assert merged.table["area"].min() >= 150
    back = merged.reselect(min_area=0, split_bias=0)
    assert np.array_equal(back.labels, result.labels)


def test_the_bias_moves_the_number_of_nuclei(result):
    counts = [len(result.reselect(split_bias=b).table) for b in (-1, -0.5, 0, 0.5, 1)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


@pytest.mark.parametrize("kinds", [None, ("merged", "split", "tighter", "wider"), ("wider",)])
def test_runner_up_is_the_first_alternative_of_each_nucleus(result, kinds):
    table = result.runner_up(*([] if kinds is None else [kinds]))
    assert table["label"].tolist() == result.table["label"].tolist()
    np.testing.assert_allclose(table["predicted_iou"], result.table["predicted_iou"])
    assert table["kind"].notna().any()
    for row in table.itertuples():
        wanted = kinds or ("merged", "split")
        others = result.alternatives(row.label, wanted)
        everything = [other.kind for other in result.alternatives(row.label)]
        assert [other.kind for other in others] == [kind for kind in everything if kind in wanted]
        assert all(0 < p <= len(table) for other in others for p in other.partners)
        if others:
            first = others[0]
            assert (first.kind, first.margin) == (row.kind, row.margin)
            assert first.predicted_iou == row.other_iou
        else:
            assert pd.isna(row.kind)
            assert np.isnan(row.other_iou)
            assert row.margin == np.inf


def test_an_empty_image_is_doubtful_and_has_no_runner_ups(segmenter):
    empty = segmenter(np.zeros((20, 30), np.uint8))
    assert (empty.predicted_map, empty.doubtful) == (0, True)
    assert len(empty.runner_up()) == 0
    assert len(empty.reselect(split_bias=-1).table) == 0


def test_predicted_map_is_that_of_the_nuclei_before_min_iou(result):
    assert 0 < result.predicted_map < 1
    assert result.reselect(min_iou=0.7).predicted_map == result.predicted_map
    assert result.reselect(min_iou=1).doubtful


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("alternatives", (1,)), ("runner_up", ()), ("reselect", ())],
)
def test_without_candidates_nothing_can_be_chosen_again(segmenter, spots, method, arguments):
    bare = segmenter.segment(spots(2)[0], keep_candidates=False)
    assert len(bare.table)
    with pytest.raises(ConfigError, match="without its candidates; segment with keep_candidates"):
        getattr(bare, method)(*arguments)


def test_bad_requests_are_refused(result):
    with pytest.raises(InputError, match=r"labels are numbered 1 to \d+, got 0; "):
        result.alternatives(0)
    with pytest.raises(ConfigError, match="kinds must be some of .*, got .*'bigger'.*; give names"):
        result.runner_up(["bigger"])
    with pytest.raises(ConfigError, match="split_bias is 2; give a number from -1 to 1"):
        result.reselect(split_bias=2)
    with pytest.raises(ConfigError, match="min_area is -1; give 0 or more pixels"):
        result.reselect(min_area=-1)
