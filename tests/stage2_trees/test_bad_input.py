"""What the whole stage does with maps that hold nothing, everything, too much or no numbers."""

import json

import numpy as np
import pytest

from stage2_trees import (
    FEATURE_NAMES,
    Calibration,
    CalibrationSet,
    ForestConfig,
    IoURegressor,
    RecutConfig,
    RegressorConfig,
    build_forest,
    build_recut,
    forest_features,
    split_maps,
    threshold_labels,
)


@pytest.fixture(scope="module")
def trusting(nuclei):
    """A regressor that gives every candidate an IoU of 0.9."""
    X = forest_features(build_forest(nuclei(0)[1]))
    model = IoURegressor(RegressorConfig(target="iou", boosters=1, rounds=2))
    model.fit(X, np.full(len(X), 0.9))
    ramp = np.array([0.0, 1.0])
    table = Calibration(ramp, ramp, np.repeat(ramp[:, None], 10, axis=1))
    return model.calibrate(CalibrationSet(table, table, table))


def constant(body, shape=(9, 14)):
    maps = np.zeros((3, *shape), np.float32)
    maps[0] = body
    return maps


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (9, 14)])
def test_maps_of_nothing_hold_no_nucleus(trusting, shape):
    split = split_maps(constant(0, shape), trusting)
    assert split.labels.shape == shape
    assert split.labels.max() == len(split.predicted_iou) == len(split.scores) == 0
    assert len(build_recut(constant(0, shape))) == 0


def test_maps_full_of_ones_are_one_candidate_without_a_seed(trusting):
    maps = np.ones((3, 9, 14))
    split = split_maps(maps, trusting)
    X = dict(zip(FEATURE_NAMES, forest_features(split.forest)[0], strict=True))
    assert (X["peak"], X["body"], X["separation"]) == (0, 1, 1)
    assert (split.labels == 1).all()
    # Those that need a seed find none.
    assert len(build_recut(maps)) == threshold_labels(maps).max() == 0


def test_one_nucleus_over_the_whole_image(trusting):
    split = split_maps(constant(1), trusting)
    assert (split.labels == 1).all()
    assert split.predicted_iou.tolist() == pytest.approx([0.9])
    X = dict(zip(FEATURE_NAMES, forest_features(split.forest)[0], strict=True))
    assert X["at_edge"] == X["solidity"] == X["box_fill"] == 1
    assert np.isnan(X["rim_body"])
    assert np.isnan(X["crowding"])


def test_an_image_smaller_than_a_nucleus_is_empty(trusting):
    assert split_maps(constant(1, (3, 3)), trusting).labels.max() == 0
    assert (split_maps(constant(1, (3, 4)), trusting).labels == 1).all()


def test_twenty_thousand_nuclei_of_ten_pixels(trusting):
    tile = np.zeros((4, 7), np.float32)
    tile[:2, :5] = 0.9
    maps = constant(0, (564, 994))
    maps[0] = np.tile(tile, (141, 142))
    assert len(build_forest(maps)) == 0
    split = split_maps(maps, trusting, ForestConfig(min_area=10))
    assert split.labels.max() == split.predicted_iou.size == 141 * 142
    assert (np.bincount(split.labels.ravel())[1:] == 10).all()
    assert len(build_recut(maps, RecutConfig(min_area=10))) == 141 * 142


@pytest.mark.parametrize("channel", range(3))
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_counted(trusting, channel, value):
    maps = constant(0.4)
    maps[channel, 3, :2] = value
    for function in (build_recut, threshold_labels, lambda maps: split_maps(maps, trusting)):
        with pytest.raises(ValueError, match="maps hold 2 values that are NaN or infinite"):
            function(maps)


def test_maps_without_pixels_are_refused(trusting):
    with pytest.raises(ValueError, match=r"H and W at least 1, got shape \(3, 0, 5\)"):
        split_maps(np.zeros((3, 0, 5)), trusting)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda names: names[1:], f"fitted on {len(FEATURE_NAMES) - 1} features.*'log_area'"),
        (lambda names: [*names, "charm"], r"different: \['charm'\]; train the trees again"),
        (lambda names: names[::-1], "different: their order; train the trees again"),
    ],
    ids=["fewer", "more", "other order"],
)
def test_a_regressor_of_other_features_is_refused(trusting, tmp_path, change, message):
    trusting.save(tmp_path)
    path = tmp_path / "regressor.json"
    data = json.loads(path.read_text())
    data["features"] = change(data["features"])
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=message):
        IoURegressor.load(tmp_path)


def test_a_table_of_other_features_is_refused(trusting):
    with pytest.raises(ValueError, match=rf"X must be \(n, {len(FEATURE_NAMES)}\), got \(4, 3\)"):
        trusting.predict(np.zeros((4, 3)))


def test_an_unfitted_regressor_says_so(nuclei):
    with pytest.raises(ValueError, match="call fit"):
        split_maps(nuclei(0)[1], IoURegressor())
