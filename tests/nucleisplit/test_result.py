import itertools

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
        {"sensitivity": -0.8},
        {"sensitivity": 1, "split_bias": -0.5, "min_area": 60},
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
    lenient = merged.reselect(sensitivity=1)
    assert lenient.nuclei >= merged.nuclei
    assert lenient.table["area"].min() >= 150
    back = lenient.reselect(min_area=0, split_bias=0, sensitivity=0)
    assert np.array_equal(back.labels, result.labels)


def test_the_bias_moves_the_number_of_nuclei(result):
    counts = [len(result.reselect(split_bias=b).table) for b in (-1, -0.5, 0, 0.5, 1)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


def test_the_sensitivity_only_adds_nuclei_as_it_rises(result):
    found = [result.reselect(sensitivity=s) for s in (-1, -0.5, 0, 0.5, 1)]
    counts = [one.nuclei for one in found]
    assert counts == sorted(counts)
    assert counts[0] < counts[2] < counts[4]
    for fewer, more in itertools.pairwise(found):
        kept = fewer.labels > 0
        pairs = np.unique(np.stack([fewer.labels[kept], more.labels[kept]]), axis=1)
        assert (pairs[1] > 0).all()
        assert pairs.shape[1] == fewer.nuclei


def test_the_outline_bias_draws_the_same_nuclei_wider(result):
    found = [result.reselect(outline_bias=b) for b in (-1, -0.5, 0, 0.5, 1)]
    assert {one.nuclei for one in found} == {result.nuclei}
    assert np.array_equal(found[2].labels, result.labels)
    for tight, wide in itertools.pairwise(found):
        kept = tight.labels > 0
        pairs = np.unique(np.stack([tight.labels[kept], wide.labels[kept]]), axis=1)
        assert (pairs[1] > 0).all() and pairs.shape[1] == result.nuclei
    areas = [np.count_nonzero(one.labels) for one in found]
    assert areas[0] < areas[2] < areas[4]


def place_of(segmentation, label):
    """A pixel inside a nucleus."""
    inside = np.argwhere(segmentation.labels == label)
    return inside[len(inside) // 2].tolist()


def test_a_nucleus_is_added_where_none_is_drawn(result):
    strict = result.reselect(min_iou=float(result.table["predicted_iou"].median()))
    label = int(result.table["predicted_iou"].idxmin()) + 1
    y, x = place_of(result, label)
    more = strict.add_at(y, x)
    n = strict.nuclei
    assert (more.nuclei, len(more.table), more.labels[y, x]) == (n + 1, n + 1, n + 1)
    before = strict.labels > 0
    assert np.array_equal(more.labels[before], strict.labels[before])
    columns = ["label", "area", "predicted_iou", "threshold"]
    pd.testing.assert_frame_equal(more.table[columns].head(n), strict.table[columns])
    assert more.table["area"].iloc[-1] == (more.labels == n + 1).sum()
    assert more.runner_up()["predicted_iou"].tolist() == more.table["predicted_iou"].tolist()
    assert all(0 < p <= n + 1 for a in more.alternatives(n + 1) for p in a.partners)
    assert (more.diameter, more.scale) == (strict.diameter, strict.scale)
    assert strict.nuclei == n

    assert np.array_equal(more.reselect().labels, more.labels)
    none = more.reselect(min_iou=1)
    assert none.nuclei == 1
    assert np.array_equal(none.labels > 0, more.labels == n + 1)
    again = none.reselect(min_iou=0)
    assert again.labels[y, x]
    assert again.nuclei == result.nuclei


def test_where_nothing_can_be_added(result):
    y, x = place_of(result, 2)
    with pytest.raises(InputError, match=rf"pixel \({y}, {x}\) lies in nucleus 2; give a pixel"):
        result.add_at(y, x)
    with pytest.raises(InputError, match=r"pixel \(96, 0\) lies outside the image of 96x96; "):
        result.add_at(96, 0)
    with pytest.raises(InputError, match=r"pixel \(0, -1\) lies outside"):
        result.add_at(0, -1)
    with pytest.raises(InputError, match=r"\(1.5, 2\) is no pixel; give whole numbers"):
        result.add_at(1.5, 2)
    y, x = np.argwhere(result.scored.split.forest.basin == 0)[0]
    with pytest.raises(InputError, match="lies in no outline that the maps suggest; .*by hand"):
        result.add_at(y, x)


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
    [("alternatives", (1,)), ("runner_up", ()), ("reselect", ()), ("add_at", (1, 1))],
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
