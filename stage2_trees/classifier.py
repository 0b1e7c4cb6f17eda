"""Tells the class of a nucleus: boosted trees, one family for each class against all others.

LightGBM fits each family to 1 for the nuclei of its class and 0 for all others; predictions are our
own, see `stage2_trees.ensemble`. The scores of all classes become probabilities by one power,
fitted out of fold to the likelihood of the true classes (temperature scaling: Guo et al. 2017, "On
calibration of modern neural networks"). Outlines that are no nucleus may be one more class, which
has no name: the probabilities of the others then add up to less than 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stage2_trees.ensemble import TreeEnsemble

CLASSES_FILE = "classes.json"
FORMAT = 1

_BOOSTERS = 2
"""Models of each class that differ in their random seed, averaged."""
_ROUNDS = 300
_LEAST = 0.01
"""Lowest score that counts: below, the trees tell nothing any more."""
_POWERS = np.linspace(0.5, 4.0, 36)
"""The powers that are tried."""
_MOST_CLASSES = 64


class NucleusClassifier:
    """Classes of nuclei by what is measured of them.

    Parameters
    ----------
    features : sequence of str
        Names of the columns, in order.
    classes : sequence of str
        Names of the classes, in order.
    radius : float
        Typical radius of the nuclei that it is fitted to, pixels; kept for those who measure.
    background : bool
        Whether outlines that are no nucleus are learnt, too.

    Attributes
    ----------
    boosters_ : list of lists of str
        The models of each class, as LightGBM writes them, those of the background last; after `fit`
        or `load`.
    power_ : float
        What scores are raised to before they are made to add up to 1.
    """

    def __init__(
        self,
        features: Sequence[str],
        classes: Sequence[str],
        radius: float,
        background: bool = False,
    ) -> None:
        self.features, self.classes = tuple(features), tuple(classes)
        self.radius, self.background = float(radius), background
        self.power_ = 1.0

    @property
    def families(self) -> int:
        """How many families of trees there are: one for each class, and that of the background."""
        return len(self.classes) + self.background

    def fit(self, X: np.ndarray, y: np.ndarray) -> NucleusClassifier:
        """Fit the trees; rare classes weigh more, by the root of how rare they are.

        Parameters
        ----------
        X : (n, len(features)) float32
            NaN where a value is missing.
        y : (n,) integer
            Number of the class of each nucleus, from 0; of the background one above the last.

        Raises
        ------
        ValueError
            If the shapes do not fit, or there are fewer than two classes.
        """
        import lightgbm

        X, y = self._checked(X), np.asarray(y)
        counts = np.bincount(y, minlength=self.families)
        if y.shape != (len(X),) or np.count_nonzero(counts) < 2:
            raise ValueError(f"{len(X)} rows, classes {y.shape}: at least two classes are needed")
        weights = np.sqrt(len(y) / counts[y])
        data = lightgbm.Dataset(
            X, weight=weights, free_raw_data=False, params={"verbosity": -1, "max_bin": 63}
        )
        self._use(
            [
                [
                    lightgbm.train(
                        _parameters(seed), data.set_label((y == k).astype(float)), _ROUNDS
                    ).model_to_string()
                    for seed in range(_BOOSTERS)
                ]
                for k in range(self.families)
            ]
        )
        return self

    def predict_raw(self, X: np.ndarray) -> np.ndarray:
        """Scores of every class, (n, families) float64: about 0 to 1, not calibrated."""
        X = self._checked(X)
        if not hasattr(self, "_ensembles"):
            raise ValueError("this NucleusClassifier is not fitted; call fit() or load() first")
        columns = [np.mean([one.predict(X) for one in own], axis=0) for own in self._ensembles]
        return np.stack(columns, axis=1)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, (n, n_classes) float64.

        Each row adds up to 1; where the background was learnt, what is lacking is the probability
        that the outline is no nucleus.
        """
        return to_probabilities(self.predict_raw(X), self.power_)[:, : len(self.classes)]

    def save(self, folder: str | Path) -> None:
        """Write the boosters as LightGBM text and everything else as JSON; the folder is made."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for k, texts in enumerate(self.boosters_):
            files.append([f"class-{k}-{i}.txt" for i in range(len(texts))])
            for name, text in zip(files[-1], texts, strict=True):
                (folder / name).write_text(text, encoding="utf-8", newline="\n")
        data = {
            "format": FORMAT,
            "features": list(self.features),
            "classes": list(self.classes),
            "radius": self.radius,
            "power": self.power_,
            "background": self.background,
            "boosters": files,
        }
        text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        (folder / CLASSES_FILE).write_text(text, encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, folder: str | Path) -> NucleusClassifier:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If a file is missing or broken, or numbers or names in it are impossible.
        """
        path = Path(folder) / CLASSES_FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["format"] != FORMAT:
                raise ValueError(f"format {data['format']!r}, this version reads {FORMAT}")
            features, classes, files = data["features"], data["classes"], data["boosters"]
            for names in (features, classes):
                if len(set(names)) != len(names) or not all(isinstance(n, str) for n in names):
                    raise ValueError("names that are no texts, or twice the same")
            background = data.get("background", False)
            if not isinstance(background, bool):
                raise ValueError(f"background {background!r}")
            model = cls(features, classes, data["radius"], background)
            if not 2 <= len(classes) <= _MOST_CLASSES or len(files) != model.families:
                raise ValueError(f"{len(files)} families of trees for {len(classes)} classes")
            model.power_ = float(data["power"])
            if not (0 < model.radius < 1e6 and 0 < model.power_ < 100):
                raise ValueError(f"radius {model.radius}, power {model.power_}")
            model._use(
                [
                    [(path.parent / Path(name).name).read_text("utf-8") for name in own]
                    for own in files
                ]
            )
        except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{path}: not a saved classifier ({error})") from error
        return model

    def _use(self, families: list[list[str]]) -> None:
        """Take models as LightGBM's text."""
        if not all(families):
            raise ValueError("a class has no boosters")
        self._ensembles = [[TreeEnsemble.from_text(text) for text in own] for own in families]
        widest = max(one.n_columns for own in self._ensembles for one in own)
        if widest > len(self.features):
            raise ValueError(f"it looks at feature {widest} of {len(self.features)}")
        self.boosters_ = families

    def _checked(self, X: np.ndarray) -> np.ndarray:
        X = np.ascontiguousarray(X, dtype=np.float32)
        if X.ndim != 2 or X.shape[1] != len(self.features):
            raise ValueError(f"X must be (n, {len(self.features)}), got {X.shape}")
        return X


def cross_fit_classes(
    classifier: NucleusClassifier, X: np.ndarray, y: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """Fit a classifier to all nuclei, and return the probabilities of each out of fold.

    Parameters
    ----------
    classifier : NucleusClassifier
        Fitted here, the power included.
    X : (n, n_features) float32
    y : (n,) integer
        Number of the class of each nucleus, from 0; of the background one above the last.
    folds : (n,) integer
        Of each nucleus; those of one image share a fold.

    Returns
    -------
    (n, n_classes) float64
        As `NucleusClassifier.predict_proba`, by trees that have not seen the fold. The power is
        fitted to the scores of all folds.

    Raises
    ------
    ValueError
        If outside a fold there are fewer than two classes.
    """
    raw = np.zeros((len(y), classifier.families))
    for fold in np.unique(folds):
        left_out = folds == fold
        raw[left_out] = classifier.fit(X[~left_out], y[~left_out]).predict_raw(X[left_out])
    rows = np.arange(len(y))
    losses = [-np.log(to_probabilities(raw, power)[rows, y]).mean() for power in _POWERS]
    classifier.fit(X, y).power_ = float(_POWERS[int(np.argmin(losses))])
    return to_probabilities(raw, classifier.power_)[:, : len(classifier.classes)]


def to_probabilities(raw: np.ndarray, power: float = 1.0) -> np.ndarray:
    """Turn the scores of all classes, (n, n_classes), into probabilities.

    Examples
    --------
    >>> to_probabilities(np.array([[0.6, 0.2], [0.5, -0.1]]), 2.0).round(2).tolist()
    [[0.9, 0.1], [1.0, 0.0]]
    """
    scores = np.maximum(raw, _LEAST) ** power
    return scores / scores.sum(axis=1, keepdims=True)


def _parameters(seed: int) -> dict:
    return {
        "objective": "regression",
        "learning_rate": 0.05,
        "num_leaves": 4,
        "min_data_in_leaf": 5,
        "lambda_l2": 1.0,
        "feature_fraction": 0.3,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "max_bin": 63,
        "seed": seed,
        "num_threads": 1,  # a few hundred rows: threads would only wait for one another
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
