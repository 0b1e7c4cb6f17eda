import lightgbm
import numpy as np
import pytest

from stage2_trees.ensemble import TreeEnsemble, plain_text


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
        (changed("num_class", 2), "several outputs"),
        (changed("is_linear", 1), "not single numbers"),
        (changed("num_leaves", 3), "holds 3 numbers, not 2"),
        (changed("num_leaves", 0), "a tree has 0 leaves"),
        (changed("num_leaves", "4 4"), "num_leaves holds 2 numbers, not 1"),
        (changed("num_cat", 1), "categorical"),
        (changed("decision_type", "1 2 2"), "categorical"),
        (changed("decision_type", "6 2 2"), "zeros for missing"),
        (changed("decision_type", "2 -2 2"), "categorical"),
        (changed("decision_type", "2 2 258"), "categorical"),
        (changed("threshold", "1 1"), "threshold holds 2 numbers, not 3"),
        (changed("threshold", "1 nan 1"), "threshold holds something else than numbers"),
        (changed("leaf_value", "1 2 3 inf"), "leaf_value holds a number that is too large"),
        (changed("leaf_value", "1 2 3 -1e999"), "leaf_value holds a number that is too large"),
        (changed("split_feature", f"{2**31 + 5} 0 0"), "a number that is too large"),
        (changed("split_feature", f"{2**32} 0 0"), "a number that is too large"),
        (changed("split_feature", f"{10**30} 0 0"), "something else than numbers"),
        (changed("split_feature", "1_0 0 0"), "something else than numbers"),
        (changed("split_feature", "-1 0 0"), "a negative column"),
        (changed("split_feature", "5 0 0"), "a tree looks at more than 5 columns"),
        (changed("max_feature_idx", 7), "feature_names for other than 8 columns"),
        (changed("objective", "binary"), "another one"),
        (changed("feature_infos", "none"), "feature_infos for other than 5 columns"),
        (changed("leaf_count", "1 2 -3 4"), "a negative column or count"),
        (changed("internal_count", "1 2"), "internal_count holds 2 numbers, not 3"),
        (changed("leaf_weight", "x"), "leaf_weight holds something else"),
        (lambda text: text.replace("\ntree_sizes", "\naverage_output\ntree_sizes"), "not added"),
        (lambda text: text.replace("Column_0", "Höhe"), "not a whole LightGBM model"),
        (changed("left_child", "0 0 0"), "do not form a tree"),
        (changed("left_child", "1 9 -1"), "do not form a tree"),
        (changed("right_child", "-1 -1 -1"), "do not form a tree"),
        (changed("left_child", "1 -9 -1"), "do not form a tree"),
        (changed("left_child", f"1 {2**32 - 1} -1"), "a number that is too large"),
        (lambda text: text.replace("\nleaf_value=", "\nother="), "lacks 'leaf_value'"),
        (lambda text: text[: text.index("Tree=0") - 1] + "\nend of trees\n", "no trees"),
    ],
)
def test_broken_texts_are_refused(data, change, message):
    text = change(fit(data, 4, rounds=2).model_to_string())
    with pytest.raises(ValueError, match=message):
        TreeEnsemble.from_text(text)


def test_too_many_leaves_and_too_few_columns(data):
    with pytest.raises(ValueError, match="a tree has 33 leaves, 1 to 32 are supported"):
        TreeEnsemble.from_text(fit(data, 33, rounds=1).model_to_string())
    ensemble = TreeEnsemble.from_text(fit(data).model_to_string())
    with pytest.raises(ValueError, match=r"5 columns or more, got shape \(3, 4\)"):
        ensemble.predict(np.zeros((3, 4)))


NASTY = ["-1", "5", "31", "32", "255", "65536", str(2**31), str(2**32 + 1), "9" * 30, "1e400"]


def damaged(text, rng):
    """Change a few numbers, lines or characters of the text."""
    for _ in range(rng.integers(1, 4)):
        lines = text.split("\n")
        at = rng.integers(len(lines))
        kind = rng.integers(5)
        if kind < 3:
            numbers = lines[at].replace("=", " = ").split(" ")
            numbers[rng.integers(len(numbers))] = NASTY[rng.integers(len(NASTY))]
            lines[at] = " ".join(numbers).replace(" = ", "=")
        elif kind == 3:
            lines.insert(at, lines.pop(rng.integers(len(lines))))
        else:
            place = rng.integers(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + chr(rng.integers(32, 300)) + lines[at][place + 1 :]
        text = "\n".join(lines)
    return text


def test_damaged_texts_are_refused_or_predict_numbers(data):
    whole = plain_text(fit(data, 6, rounds=3).model_to_string())
    rng = np.random.default_rng(0)
    accepted = 0
    for _ in range(1500):
        try:
            ensemble = TreeEnsemble.from_text(damaged(whole, rng))
        except ValueError:
            continue
        assert np.isfinite(ensemble.predict(data[0][:9])).all()
        accepted += 1
    assert 50 < accepted < 1200


def test_lightgbm_is_given_the_trees_alone(data):
    booster = fit(data, 6, rounds=3)
    text = booster.model_to_string()
    again = lightgbm.Booster(model_str=plain_text(text))
    assert "parameters:" in text and not again.params
    assert np.array_equal(again.predict(data[0]), booster.predict(data[0]))
