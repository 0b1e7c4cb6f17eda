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
    assert adapted.selects and adapted.tells and min(adapted.rounds) > 0


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


def test_what_does_not_help_is_not_used(base, nuclei):
    """Truth that has nothing to do with the images, but their own numbers to learn by heart."""
    rows, rng = [], np.random.default_rng(0)
    for seed in range(40, 46):
        row = training_rows(*nuclei(seed)[::-1])
        iou = rng.permutation(row.iou)
        rows.append(type(row)(row.candidates, row.features, iou, row.n_true))
    result = adapt(base, rows, [0, 1, 2, 0, 1, 2], AdaptConfig(steps=(0,), prior_images=1e9))
    assert not result.selects and not result.tells and result.rounds == (0, 0)
    new, old = result.after.regressor, base
    assert new.boosters_ == old.boosters_
    assert new.calibration_.as_dict() == old.calibration_.as_dict()
    assert all(map(np.array_equal, result.after.chosen, result.before.chosen))


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
    knots = base.calibration_.chosen_iou.knots
    means = []
    for prior in (1000.0, 4.0, 0.0):
        config = AdaptConfig(steps=(0,), prior_images=prior)
        table = adapt(base, tight[:4], [0, 1, 0, 1], config).after.regressor.calibration_
        means.append(table.chosen_iou.to_iou(knots).mean())
    old = base.calibration_.chosen_iou.to_iou(knots).mean()
    assert old - 0.01 < means[0] < old
    assert means[0] - 0.02 > means[1] > means[2] + 0.02


def test_blending_with_the_whole_share_gives_the_other_table():
    one = Calibration(np.array([0.2, 0.8]), np.array([0.1, 0.9]), np.full((2, 10), 0.5))
    other = Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.tile([[0.0], [1.0]], 10))
    mixed = one.blend(other, 1.0)
    np.testing.assert_allclose(mixed.to_iou(np.array([0.3, 0.9])), [0.3, 0.9], rtol=1e-6)
    np.testing.assert_allclose(mixed.to_hits(np.array([0.25])), np.full((1, 10), 0.25))


@pytest.mark.parametrize(
    ("folds", "words"), [([0, 0], "two folds"), ([0, 1, 2], "as many folds"), ([0], "as many")]
)
def test_bad_folds(base, tight, folds, words):
    with pytest.raises(ValueError, match=words):
        adapt(base, tight[:2], folds)


@pytest.mark.parametrize("steps", [(), (5, 10), (0, 10, 10), (0, 20, 10)])
def test_bad_steps(steps):
    with pytest.raises(ValueError, match="steps must begin with 0"):
        AdaptConfig(steps=steps)
