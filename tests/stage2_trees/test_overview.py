import json

import numpy as np
import pytest

from stage2_trees import (
    FEATURE_NAMES,
    Overview,
    RegressorConfig,
    build_forest,
    cross_fit,
    forest_features,
    split_maps,
    survey_maps,
    training_rows,
)


@pytest.fixture(scope="module")
def fitted(nuclei):
    rows = [training_rows(maps, truth) for truth, maps in map(nuclei, range(4))]
    return cross_fit(
        rows, np.arange(4) % 2, RegressorConfig(boosters=1, rounds=20, min_rows=10, threads=1)
    )


@pytest.fixture(scope="module")
def maps(nuclei):
    return nuclei(9)[1]


def test_an_image_with_an_overview_of_itself_is_cut_as_without(fitted, maps):
    alone = split_maps(maps, fitted.regressor)
    told = split_maps(maps, fitted.regressor, overview=survey_maps([maps], fitted.regressor))
    assert np.array_equal(told.labels, alone.labels)
    assert np.array_equal(told.predicted_iou, alone.predicted_iou)
    assert told.predicted_map == alone.predicted_map


def test_the_candidates_of_a_part_are_told_the_image_they_are_in(fitted, maps):
    overview = survey_maps([maps, maps[:, :32]], fitted.regressor, share=0.5)
    part = dict(zip(FEATURE_NAMES, forest_features(build_forest(maps), overview.summary).T))
    shared = {name: values for name, values in part.items() if name.startswith("image_")}
    assert set(shared) == set(overview.summary)
    for name, values in shared.items():
        assert values == pytest.approx(np.float32(overview.summary[name]), nan_ok=True)
    own = survey_maps([maps], fitted.regressor)
    assert overview.summary["image_count"] > own.summary["image_count"]
    assert overview.radius == pytest.approx(own.radius, rel=0.2)


def test_survives_json(fitted, maps):
    for samples in ([maps], [np.zeros_like(maps)]):
        overview = survey_maps(samples, fitted.regressor)
        again = Overview.from_json(json.loads(json.dumps(overview.to_json(), allow_nan=False)))
        assert again.summary == pytest.approx(overview.summary, nan_ok=True)
        assert np.array_equal(again.rates, overview.rates)
    assert again.radius is None
