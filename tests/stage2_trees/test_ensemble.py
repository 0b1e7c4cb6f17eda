import lightgbm
import numpy as np
import pytest

from stage2_trees.ensemble import TreeEnsemble


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 5)).astype(np.float32)
    X[:, 3] = rng.integers(0, 3, 600)  # ties, and zeros
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 1] = np.nan_to_num(X[:, 1])  # a column that misses nothing in training
    y = np.nan_to_num(X[:, 0]) * (X[:, 1] > 0) + np.isnan(X[:, 2]) + np.nan_to_num(X[:, 3])
    return X, y


def fit(data, leaves=32, rounds=20, **more):
    X, y = data
    settings = {"num_leaves": leaves, "min_data_in_leaf": 3, "verbosity": -1, **more}
    return lightgbm.train(settings, lightgbm.Dataset(X, y), rounds)


@pytest.mark.parametrize("leaves", [2, 7, 32])
@pytest.mark.parametrize("rows", [0, 1, 127, 128, 600])
def test_predicts_bit_for_bit_what_lightgbm_does(data, leaves, rows):
    booster = fit(data, leaves)
    X = data[0][:rows].copy()
    X[rows // 2 :, 1] = np.nan  # which training has not seen
    ours = TreeEnsemble.from_text(booster.model_to_string()).predict(X)
    assert ours.shape == (rows,)
    assert np.array_equal(ours, booster.predict(X) if rows else np.zeros(0))


def test_values_at_the_thresholds_go_the_same_way(data):
    booster = fit(data, 32)
    ensemble = TreeEnsemble.from_text(booster.model_to_string())
    X = np.repeat(ensemble.threshold[:, None], 5, axis=1)
    X = np.concatenate([X, np.nextafter(X, np.float32(9))])
    assert np.array_equal(ensemble.predict(X), booster.predict(X))


def test_trees_without_splits(data):
    X, _ = data
    booster = fit((X, np.full(len(X), 0.25)), 4, rounds=3)
    ensemble = TreeEnsemble.from_text(booster.model_to_string())
    assert ensemble.n_columns == 0
    assert np.array_equal(ensemble.predict(X[:3]), booster.predict(X[:3]))


def changed(name, value):
    def change(text):
        begin = text.index(f"\n{name}=") + 1
        return text[:begin] + f"{name}={value}" + text[text.index("\n", begin) :]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: text.index("Tree=1")], "not a whole LightGBM model"),
        (lambda text: "forest\n" + text, "not a whole LightGBM model"),
        (changed("num_tree_per_iteration", 2), "several outputs"),
        (changed("is_linear", 1), "not single numbers"),
        (changed("num_leaves", 3), "not single numbers"),
        (changed("decision_type", "1 1 1"), "categorical"),
        (changed("threshold", "1 1"), "a tree of 4 leaves needs 3 splits"),
        (changed("left_child", "0 0 0"), "do not form a tree"),
        (changed("left_child", "1 9 -1"), "do not form a tree"),
        (changed("right_child", "-1 -1 -1"), "do not form a tree"),
        (changed("leaf_weight", "x"), None),
        (lambda text: text.replace("\nleaf_value=", "\nother="), "a tree lacks 'leaf_value'"),
        (lambda text: text[: text.index("Tree=0") - 1] + "\nend of trees\n", "no trees"),
    ],
)
def test_broken_texts_are_refused(data, change, message):
    text = change(fit(data, 4, rounds=2).model_to_string())
    if message is None:
        assert TreeEnsemble.from_text(text).value.shape == (2, 32)
        return
    with pytest.raises(ValueError, match=message):
        TreeEnsemble.from_text(text)


def test_too_many_leaves_and_too_few_columns(data):
    with pytest.raises(ValueError, match="a tree has 33 leaves, at most 32 are supported"):
        TreeEnsemble.from_text(fit(data, 33, rounds=1).model_to_string())
    ensemble = TreeEnsemble.from_text(fit(data).model_to_string())
    with pytest.raises(ValueError, match=r"5 columns or more, got shape \(3, 4\)"):
        ensemble.predict(np.zeros((3, 4)))
