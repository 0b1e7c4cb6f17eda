import json

import numpy as np
import pytest

from stage2_trees import (
    FEATURE_NAMES,
    ForestConfig,
    ImageRows,
    IoURegressor,
    RegressorConfig,
    SelectConfig,
    ThresholdConfig,
    best_iou,
    choose,
    cross_fit,
    map_correlation,
    metric_score,
    overlap_table,
    select,
    split_maps,
    threshold_labels,
    training_rows,
)
from stage2_trees.training import (
    cross_val_predict,
    fit_calibrations,
    image_weights,
    stack_rows,
)

QUICK = RegressorConfig(boosters=2, rounds=40, min_rows=10, threads=1)


def score(labels, truth):
    table = overlap_table(labels, truth)
    return metric_score(best_iou(table)[0][table.labels_a], table.labels_b.size)


@pytest.fixture(scope="module")
def images(nuclei):
    return [nuclei(seed, noise=1.5) for seed in range(16)]


@pytest.fixture(scope="module")
def rows(images):
    return [training_rows(maps, truth) for truth, maps in images]


@pytest.fixture(scope="module")
def fitted(rows):
    return cross_fit(rows, np.arange(16) % 4, QUICK)


def test_rows_fit_together(images, rows):
    for (truth, _), row in zip(images, rows, strict=True):
        assert row.features.shape == (len(row.candidates), len(FEATURE_NAMES))
        assert row.iou.shape == (len(row.candidates),)
        assert row.n_true == np.unique(truth[truth > 0]).size


def test_out_of_fold_trees_beat_the_best_single_threshold(images, rows, fitted):
    trees = np.mean([row.score(chosen) for row, chosen in zip(rows, fitted.chosen, strict=True)])
    oracle = np.mean([row.score(select(row.candidates, row.iou)) for row in rows])
    settings = [
        ThresholdConfig(seed=seed, body=body)
        for seed in (0.3, 0.4, 0.5, 0.6, 0.7)
        for body in (0.4, 0.5, 0.6)
    ]
    single = max(np.mean([score(threshold_labels(m, c), t) for t, m in images]) for c in settings)
    assert single + 0.015 < trees < oracle - 0.02


def test_painted_labels_score_what_the_candidates_promise(images, rows, fitted):
    truth, maps = images[0]
    split = split_maps(maps, fitted.regressor)
    assert score(split.labels, truth) == pytest.approx(rows[0].score(split.chosen), abs=0.01)


def test_predicted_iou_is_calibrated_out_of_fold(rows, fitted):
    predicted = np.concatenate(fitted.predicted_iou)
    true = np.concatenate([row.iou[c] for row, c in zip(rows, fitted.chosen, strict=True)])
    assert abs(predicted.mean() - true.mean()) < 0.03
    assert np.abs(predicted - true).mean() < 0.12
    assert np.corrcoef(predicted, true)[0, 1] > 0.4


def test_predicted_map_is_near_the_true_one_out_of_fold(rows, fitted):
    true = [row.score(chosen) for row, chosen in zip(rows, fitted.chosen, strict=True)]
    report = map_correlation(fitted.predicted_map, true)
    assert report["spearman"] > 0.4
    assert abs(report["bias"]) < 0.05
    assert report["mean_absolute_error"] < 0.1


def test_min_area_keeps_no_smaller_nuclei(images, fitted):
    _, maps = images[1]
    free = split_maps(maps, fitted.regressor)
    area = free.forest.area
    limit = int(np.median(area[free.chosen]))
    large = split_maps(maps, fitted.regressor, min_area=limit)
    assert area[large.chosen].min() >= limit > area[free.chosen].min()
    assert np.bincount(large.labels.ravel())[1:].min() >= limit
    assert np.isneginf(large.gain[area < limit]).all()
    with pytest.raises(ValueError, match="min_area must be 0 or more, got -1"):
        split_maps(maps, fitted.regressor, min_area=-1)


def test_split_describes_its_labels(images, fitted):
    split = split_maps(images[1][1], fitted.regressor)
    n = split.labels.max()
    assert n > 5
    assert split.predicted_iou.shape == split.threshold.shape == split.chosen.shape == (n,)
    assert split.predicted_iou.dtype == split.threshold.dtype == np.float32
    assert np.isin(split.threshold, np.float32(ForestConfig().extents)).all()
    tops = [np.flatnonzero((split.labels == i).any(axis=1))[0] for i in range(1, n + 1)]
    assert tops == sorted(tops)


def test_min_iou_drops_the_doubtful_and_changes_nothing_else(images, fitted):
    maps = images[2][1]
    everything = split_maps(maps, fitted.regressor)
    limit = float(np.median(everything.predicted_iou))
    some = split_maps(maps, fitted.regressor, min_iou=limit)
    kept = everything.predicted_iou >= limit
    assert 0 < kept.sum() < kept.size
    assert some.chosen.tolist() == everything.chosen[kept].tolist()
    again = choose(everything.forest, everything.scores, fitted.regressor, min_iou=limit)
    assert (again.labels == some.labels).all()


def test_selection_settings_reach_the_choice(images, fitted):
    maps = images[3][1]
    free = split_maps(maps, fitted.regressor, selection=SelectConfig(margin=0))
    middle = SelectConfig(margin=0.9, reference_extent=0.46)
    held = split_maps(maps, fitted.regressor, selection=middle)
    assert np.unique(free.threshold).size > 2
    at_reference = [(split.threshold == np.float32(0.46)).mean() for split in (free, held)]
    assert at_reference[0] + 0.2 < at_reference[1] > 0.5


@pytest.mark.parametrize("body", [0.0, 1.0])
def test_constant_maps_are_split_without_error(fitted, body):
    maps = np.zeros((3, 20, 24), np.float32)
    maps[0] = body
    split = split_maps(maps, fitted.regressor)
    assert split.labels.max() == split.predicted_iou.size <= 1


@pytest.mark.parametrize("min_iou", [-0.1, 1.5, float("nan")])
def test_min_iou_out_of_range_is_refused(images, fitted, min_iou):
    with pytest.raises(ValueError, match="min_iou"):
        split_maps(images[0][1], fitted.regressor, min_iou=min_iou)


def test_saved_and_loaded_regressors_agree(tmp_path, images, rows, fitted):
    paths = fitted.regressor.save(tmp_path / "trees")
    assert sorted(p.name for p in paths) == [
        "hits_0.txt",
        "hits_1.txt",
        "iou_0.txt",
        "regressor.json",
    ]
    again = IoURegressor.load(tmp_path / "trees")
    assert again.config == QUICK
    X = rows[0].features
    assert (again.predict(X) == fitted.regressor.predict(X)).all()
    maps = images[0][1]
    assert (split_maps(maps, again).labels == split_maps(maps, fitted.regressor).labels).all()


def break_features(folder):
    data = json.loads((folder / "regressor.json").read_text())
    data["features"][3] = "charm"
    (folder / "regressor.json").write_text(json.dumps(data))


def break_format(folder):
    data = json.loads((folder / "regressor.json").read_text())
    (folder / "regressor.json").write_text(json.dumps(data | {"format": 9}))


def lose_table(folder):
    data = json.loads((folder / "regressor.json").read_text())
    del data["calibration"]["any_hits"]
    (folder / "regressor.json").write_text(json.dumps(data))


def break_table(folder):
    data = json.loads((folder / "regressor.json").read_text())
    data["calibration"]["chosen_iou"]["knots"][0] = 7
    (folder / "regressor.json").write_text(json.dumps(data))


def lose_boosters(folder):
    path = folder / "regressor.json"
    data = json.loads(path.read_text())
    data["boosters"]["iou"] = []
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_features, r"different: \['charm', 'convexity'\]; train the trees again"),
        (break_format, "format 9, this version reads 2; train the trees again"),
        (lose_table, "calibration is incomplete"),
        (break_table, "must ascend"),
        (lambda f: (f / "regressor.json").write_text("{"), "not a saved regressor"),
        (lambda f: (f / "regressor.json").write_text("[" * 200_000), "not a saved regressor"),
        (lambda f: (f / "regressor.json").unlink(), "not a saved regressor"),
        (lose_boosters, "a score has no boosters"),
        (lambda f: (f / "hits_1.txt").unlink(), "a booster cannot be read"),
        (lambda f: (f / "iou_0.txt").write_text("trees"), "a booster cannot be read"),
    ],
)
def test_damaged_models_are_refused(tmp_path, fitted, damage, message):
    fitted.regressor.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(ValueError, match=message):
        IoURegressor.load(tmp_path)


def test_fitting_twice_gives_the_same_model(rows):
    X, y = rows[0].features, rows[0].iou
    a, b = (IoURegressor(QUICK).fit(X, y).predict(X) for _ in range(2))
    assert (a == b).all()


def test_hit_rates_as_target(rows):
    config = QUICK.model_copy(update={"target": "hits"})
    raw = np.concatenate(cross_val_predict(rows, np.arange(16) % 2, config))
    iou = np.concatenate([row.iou for row in rows])
    rate = np.clip((iou - 0.5) * 2, 0, 1)
    assert np.abs(raw[:, 0] - rate).mean() < 0.2
    assert np.abs(raw[:, 1] - iou).mean() < np.abs(raw[:, 0] - iou).mean()


def test_what_cannot_be_fitted_is_refused():
    model = IoURegressor(QUICK)
    with pytest.raises(ValueError, match="call fit"):
        model.predict(np.zeros((1, len(FEATURE_NAMES))))
    with pytest.raises(ValueError, match=r"X must be \(n, \d+\), got \(1, 3\)"):
        model.fit(np.zeros((1, 3)), np.zeros(1))
    with pytest.raises(ValueError, match="at least one"):
        model.fit(np.zeros((0, len(FEATURE_NAMES))), np.zeros(0))


@pytest.mark.parametrize(
    ("folds", "message"),
    [([0] * 16, "two folds"), ([0, 1], r"16 images need as many folds, got \(2,\)")],
)
def test_wrong_folds_are_refused(rows, folds, message):
    with pytest.raises(ValueError, match=message):
        cross_fit(rows, folds, QUICK)


def test_images_without_candidates_take_part(rows):
    empty = training_rows(np.zeros((3, 16, 16)), np.zeros((16, 16), int))
    fit = cross_fit([empty, *rows[:4]], [0, 0, 1, 0, 1], QUICK)
    assert fit.chosen[0].size == fit.predicted_iou[0].size == 0
    with pytest.raises(ValueError, match="no candidates outside fold 0"):
        cross_fit([empty, empty], [0, 1], QUICK)


def test_image_weights_ignore_empty_images():
    weights = image_weights([2, 0, 4])
    assert weights.tolist() == [1.5, 1.5, 0.75, 0.75, 0.75, 0.75]


def test_an_image_that_comes_twice_is_unseen_by_both_its_folds(rows, monkeypatch):
    """Each image once in kind, once out of kind: no model learns from the fold or the kind."""
    numbered = [
        ImageRows(r.candidates, r.features, np.full(len(r.iou), i / 100, np.float32), r.n_true)
        for i, r in enumerate([*rows[:8], *rows[:8]])
    ]
    fold, kind = np.arange(8) % 4, np.arange(8) // 2
    folds, apart = np.r_[fold, kind], np.r_[kind, fold]
    seen, asked = [], {}

    class Spy:
        def __init__(self, config):
            pass

        def fit(self, X, y, weights):
            seen.append({round(v * 100) for v in np.unique(y).tolist()})
            return self

        def predict_raw(self, features):
            asked.setdefault(len(seen) - 1, []).append(features)
            return np.zeros((len(features), 2))

    monkeypatch.setattr("stage2_trees.training.IoURegressor", Spy)
    cross_val_predict(numbered, folds, QUICK, apart=apart)
    for number, k in enumerate(range(4)):
        assert seen[number] == set(np.flatnonzero((folds != k) & (apart != k)).tolist())
        assert len(asked[number]) == (folds == k).sum()
    assert {i % 8 for i in seen[0]} == {2, 3, 5, 6, 7}  # neither fold 0 (0, 4) nor kind 0 (0, 1)


def test_its_calibrations_have_not_seen_them_either(rows, monkeypatch):
    fold, kind = np.arange(8) % 4, np.arange(8) // 2
    folds, apart = np.r_[fold, kind], np.r_[kind, fold]
    used = []

    def spy(rows, raw, use, chosen, shares):
        used.append((np.flatnonzero(use).tolist(), chosen is None))
        return fit_calibrations(rows, raw, use, chosen, shares)

    monkeypatch.setattr("stage2_trees.training.fit_calibrations", spy)
    cross_fit([*rows[:8], *rows[:8]], folds, QUICK, apart=apart)
    unseen = [np.flatnonzero((folds != k) & (apart != k)).tolist() for k in range(4)]
    assert used[:4] == [(images, True) for images in unseen]  # to choose by
    assert used[4:8] == [(images, False) for images in unseen]  # to tell the IoU by
    assert used[8:] == [(list(range(16)), False)]  # for use


def test_shares_weigh_images(rows):
    _, _, weights = stack_rows(rows[:3], shares=[1.0, 1.0, 2.0])
    totals = np.split(weights, np.cumsum([len(r.iou) for r in rows[:2]]))
    assert [part.sum() / weights.sum() for part in totals] == pytest.approx([0.25, 0.25, 0.5])
    X, y, _ = stack_rows(rows, [1, 4], np.arange(1, 17))
    assert len(X) == len(y) == len(rows[1].iou) + len(rows[4].iou)


def test_folds_apart_are_checked(rows):
    with pytest.raises(ValueError, match="16 images need as many folds"):
        cross_fit(rows, np.arange(16) % 4, QUICK, apart=[0, 1])
    with pytest.raises(ValueError, match="no candidates outside fold 0"):
        cross_fit(rows, np.arange(16) % 2, QUICK, apart=1 - np.arange(16) % 2)


def test_of_a_crowded_image_only_some_candidates_are_fitted(rows, monkeypatch):
    monkeypatch.setattr("stage2_trees.training.MOST_ROWS", 5)
    X, y, weights = stack_rows(rows[:3], shares=[1.0, 1.0, 2.0])
    assert len(X) == len(y) == 15 and weights[10] == pytest.approx(2 * weights[0])
    known = {tuple(row) for row in np.nan_to_num(rows[0].features)}
    drawn = {tuple(row) for row in np.nan_to_num(X[:5])}
    assert len(drawn) == 5 and drawn <= known
    assert np.array_equal(X, stack_rows(rows[:3])[0], equal_nan=True)
