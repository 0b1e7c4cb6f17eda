import numpy as np
import pytest
from scipy.ndimage import grey_erosion

from stage2_trees import (
    AdaptConfig,
    Calibration,
    IoURegressor,
    RegressorConfig,
    adapt,
    cross_fit,
    training_rows,
)

SMALL = RegressorConfig(rounds=30, min_rows=20, boosters=2, threads=1)
QUICK = AdaptConfig(steps=(0, 10, 40), min_rows=20)


def shrunk(labels):
    """The same nuclei, outlined a pixel tighter, as another annotator would."""
    inside = grey_erosion(labels, size=3) == labels
    return np.where(inside, labels, 0)


@pytest.fixture(scope="module")
def base(nuclei):
    rows = []
    for seed in range(8):
        labels, maps = nuclei(seed)
        rows.append(training_rows(maps, labels))
    return cross_fit(rows, [seed % 2 for seed in range(8)], SMALL).regressor


@pytest.fixture(scope="module")
def tight(nuclei):
    """Images whose truth is tighter than that of the base."""
    rows = []
    for seed in range(20, 28):
        labels, maps = nuclei(seed)
        rows.append(training_rows(maps, shrunk(labels)))
    return rows


@pytest.fixture(scope="module")
def adapted(base, tight):
    return adapt(base, tight[:6], [0, 1, 2, 0, 1, 2], QUICK)


def mean_score(result, rows):
    return np.mean([row.score(chosen) for row, chosen in zip(rows, result.chosen)])


def test_what_is_learnt_helps_on_images_left_out(adapted, tight):
    before, after = (mean_score(part, tight[:6]) for part in (adapted.before, adapted.after))
    assert after > before + 0.03
    assert min(adapted.rounds) > 0


def test_what_is_learnt_helps_on_other_images(base, adapted, tight):
    def error(regressor):
        return np.mean([np.abs(regressor.predict(r.features) - r.iou).mean() for r in tight[6:]])

    assert error(adapted.after.regressor) < 0.8 * error(base)


def test_the_old_trees_stay(base, adapted):
    for old, new in zip(base.ensembles_, adapted.after.regressor.ensembles_):
        for one, other in zip(old, new):
            assert other.n_trees in (one.n_trees + 10, one.n_trees + 40)
            np.testing.assert_array_equal(other.value[: one.n_trees], one.value)
    assert [one.n_trees for one in base.ensembles_[0]] == [30, 30]


def test_nothing_is_added_where_nothing_is_wrong(base, nuclei):
    rows = []
    for seed in range(40, 44):
        labels, maps = nuclei(seed)
        row = training_rows(maps, labels)
        sure = base.predict_raw(row.features)[:, 1].clip(0, 1).astype(np.float32)
        rows.append(type(row)(row.candidates, row.features, sure, row.n_true))
    assert adapt(base, rows, [0, 1, 0, 1], QUICK).rounds[1] == 0


def test_the_same_images_give_the_same_trees(base, tight, adapted):
    again = adapt(base, tight[:6], [0, 1, 2, 0, 1, 2], QUICK)
    assert again.after.regressor.boosters_ == adapted.after.regressor.boosters_


def test_it_is_saved_and_loaded(adapted, tight, tmp_path):
    regressor = adapted.after.regressor
    regressor.save(tmp_path)
    again = IoURegressor.load(tmp_path)
    np.testing.assert_array_equal(
        again.predict(tight[7].features), regressor.predict(tight[7].features)
    )


def test_few_images_move_the_calibration_little(base, tight):
    regressors = [
        adapt(base, tight[:4], [0, 1, 0, 1], AdaptConfig(steps=(0,), prior_images=prior))
        for prior in (1e9, 0.0)
    ]
    still, moved = (result.after.regressor.calibration_.chosen_iou for result in regressors)
    knots = base.calibration_.chosen_iou.knots
    old = base.calibration_.chosen_iou.to_iou(knots)
    np.testing.assert_allclose(still.to_iou(knots), old, atol=1e-6)
    assert moved.to_iou(knots).mean() < old.mean() - 0.05


def test_blending_with_the_whole_share_gives_the_other_table():
    one = Calibration(np.array([0.2, 0.8]), np.array([0.1, 0.9]), np.full((2, 10), 0.5))
    other = Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.tile([[0.0], [1.0]], 10))
    mixed = one.blend(other, 1.0)
    np.testing.assert_allclose(mixed.to_iou(np.array([0.3, 0.9])), [0.3, 0.9], rtol=1e-6)
    np.testing.assert_allclose(mixed.to_hits(np.array([0.25])), np.full((1, 10), 0.25))


@pytest.mark.parametrize(
    "folds, words", [([0, 0], "two folds"), ([0, 1, 2], "as many folds"), ([0], "as many")]
)
def test_bad_folds(base, tight, folds, words):
    with pytest.raises(ValueError, match=words):
        adapt(base, tight[:2], folds)


@pytest.mark.parametrize("steps", [(), (5, 10), (0, 10, 10), (0, 20, 10)])
def test_bad_steps(steps):
    with pytest.raises(ValueError, match="steps must begin with 0"):
        AdaptConfig(steps=steps)
