import json

import numpy as np
import pytest

from stage2_trees import NucleusClassifier, cross_fit_classes


@pytest.fixture(scope="module")
def rows():
    """Three classes that two features tell apart but for some overlap; a third is noise."""
    random = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 60, 30])
    X = random.normal(size=(y.size, 3)).astype(np.float32)
    X[:, 0] += 4 * (y == 1)
    X[:, 1] += 4 * (y == 2)
    return X, y


@pytest.fixture(scope="module")
def fitted(rows):
    classifier = NucleusClassifier(("a", "b", "noise"), ("x", "y", "z"), 7.5)
    X, y = rows
    return classifier, cross_fit_classes(classifier, X, y, np.arange(y.size) % 5)


def test_unseen_nuclei_are_told(fitted, rows):
    _, probability = fitted
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert (probability.argmax(axis=1) == rows[1]).mean() > 0.93


def test_probabilities_are_calibrated(fitted, rows):
    _, probability = fitted
    right = probability.argmax(axis=1) == rows[1]
    assert probability.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.05)


def test_missing_values_are_taken(fitted):
    classifier, _ = fitted
    probability = classifier.predict_proba(np.array([[np.nan, 5, 0]], np.float32))
    assert probability.argmax() == 2


def test_no_nuclei(fitted):
    assert fitted[0].predict_proba(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_what_is_no_nucleus_lacks_probability(rows, tmp_path):
    """The third class without its name."""
    X, y = rows
    classifier = NucleusClassifier(("a", "b", "noise"), ("x", "y"), 7.5, background=True)
    told = cross_fit_classes(classifier, X, y, np.arange(y.size) % 5)
    assert told.shape == (y.size, 2)
    assert ((told.sum(axis=1) < 0.5) == (y == 2)).mean() > 0.93
    assert (told.argmax(axis=1) == y)[y < 2].mean() > 0.93
    classifier.save(tmp_path)
    again = NucleusClassifier.load(tmp_path)
    assert again.background and again.classes == ("x", "y")
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


def test_it_is_kept_to_the_last_bit(fitted, rows, tmp_path):
    classifier, _ = fitted
    classifier.save(tmp_path)
    again = NucleusClassifier.load(tmp_path)
    assert (again.features, again.classes) == (classifier.features, classifier.classes)
    assert (again.radius, again.power_) == (7.5, classifier.power_)
    np.testing.assert_array_equal(again.predict_proba(rows[0]), classifier.predict_proba(rows[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 9}, "format 9"),
        ({"classes": ["x", "x", "z"]}, "twice the same"),
        ({"classes": ["x", "y"]}, "3 families of trees for 2 classes"),
        ({"classes": ["x", 5, "z"]}, "no texts"),
        ({"features": ["a"]}, "looks at feature"),
        ({"radius": -1}, "radius -1"),
        ({"radius": "wide"}, "wide"),
        ({"power": float("inf")}, "power inf"),
        ({"background": True}, "3 families of trees for 3 classes"),
        ({"background": 1}, "background 1"),
        ({"boosters": [["class-0-0.txt"], ["class-1-0.txt"], []]}, "no boosters"),
        ({"boosters": [["class-0-0.txt"], ["class-1-0.txt"], ["/etc/passwd"]]}, "passwd"),
    ],
)
def test_what_is_impossible_is_refused(fitted, tmp_path, change, message):
    fitted[0].save(tmp_path)
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=message):
        NucleusClassifier.load(tmp_path)


def test_one_class_is_refused(rows):
    X, y = rows
    with pytest.raises(ValueError, match="at least two classes"):
        NucleusClassifier("abc", ("x", "y", "z"), 5).fit(X[y == 0], y[y == 0])


def test_other_columns_are_refused(fitted):
    with pytest.raises(ValueError, match=r"X must be \(n, 3\)"):
        fitted[0].predict_proba(np.zeros((4, 2), np.float32))


def test_without_trees_it_tells_nothing():
    with pytest.raises(ValueError, match="not fitted"):
        NucleusClassifier("ab", "xy", 5).predict_proba(np.zeros((1, 2), np.float32))
