"""Predicts how good each candidate is: a few gradient-boosted tree models, averaged.

A candidate has two raw scores: one to select by, fitted to its hits in the metric, and its IoU, for
the user. The first decides better, the second is nearer to the IoU.

LightGBM fits the models; it is imported for that only. Predictions are our own,
see `stage2_trees.ensemble`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from stage2_trees.calibration import IOU, CalibrationSet
from stage2_trees.config import RegressorConfig
from stage2_trees.ensemble import TreeEnsemble, plain_text
from stage2_trees.features import FEATURE_NAMES
from stage2_trees.select import hits

FILE = "regressor.json"
FORMAT = 2

_DATA = {"verbosity": -1, "max_bin": 127}
_FAMILIES = ("hits", "iou")
"""Names of the boosters' files, by raw score."""


class IoURegressor:
    """LightGBM regression of the IoU.

    Parameters
    ----------
    config : RegressorConfig, optional

    Attributes
    ----------
    boosters_ : tuple of lists of str
        The models of each raw score, as LightGBM writes them; after `fit` or `load`.
    ensembles_ : tuple of lists of TreeEnsemble
        The same, ready to predict.
    calibration_ : CalibrationSet
        What the raw scores stand for; after `calibrate` or `load`.
    """

    def __init__(self, config: RegressorConfig | None = None) -> None:
        self.config = config

    def fit(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> IoURegressor:
        """Fit the boosters; an earlier calibration is dropped.

        Parameters
        ----------
        X : (n, len(FEATURE_NAMES)) float32
        y : (n,) floating
            True IoU of each candidate.
        weights : (n,) floating, optional
            See `stage2_trees.training.image_weights`.

        Raises
        ------
        ValueError
            If the shapes do not fit or there is no row.
        """
        import lightgbm

        X = _checked(X)
        y = np.asarray(y, float)
        if y.shape != (len(X),) or not len(X):
            raise ValueError(f"X has {len(X)} rows and y has shape {y.shape}; give at least one")
        config = self.config or RegressorConfig()
        numbers = (config.boosters, config.iou_boosters)
        data = lightgbm.Dataset(
            X,
            weight=weights,
            feature_name=list(FEATURE_NAMES),
            free_raw_data=False,
            params=_DATA,
        )
        self._use(
            [
                lightgbm.train(
                    _parameters(config, config.seed + i), data.set_label(target), config.rounds
                ).model_to_string()
                for i in range(number)
            ]
            for target, number in zip(targets_of(y, config).T, numbers, strict=True)
        )
        if hasattr(self, "calibration_"):
            del self.calibration_
        return self

    def extend(
        self,
        X: np.ndarray,
        y: np.ndarray,
        weights: np.ndarray | None = None,
        rounds: tuple[int, int] = (0, 0),
        config: RegressorConfig | None = None,
    ) -> IoURegressor:
        """Return a regressor with more trees, fitted to what this one gets wrong on other rows.

        Parameters
        ----------
        X, y, weights
            As for `fit`.
        rounds : (int, int)
            Trees to add to each booster of the score to select by, and of the IoU.
        config : RegressorConfig, optional
            How they are grown; by default as the trees that are there.

        Returns
        -------
        IoURegressor
            With the calibration of this one.
        """
        import lightgbm

        X, y = _checked(X), np.asarray(y, float)
        config = config or self.config or RegressorConfig()
        families = []
        goals = zip(self._fitted("boosters_", "fit"), targets_of(y, config).T, rounds, strict=True)
        for texts, target, more in goals:
            families.append(list(texts))
            for i, text in enumerate(texts if more else []):
                data = lightgbm.Dataset(
                    X, target, weight=weights, feature_name=list(FEATURE_NAMES), params=_DATA
                )
                start = lightgbm.Booster(model_str=plain_text(text))
                grown = _parameters(config, config.seed + i)
                families[-1][i] = lightgbm.train(
                    grown, data, more, init_model=start
                ).model_to_string()
        longer = IoURegressor(self.config)
        longer._use(families)
        return longer.calibrate(self._fitted("calibration_", "calibrate"))

    def predict_raw(self, X: np.ndarray, without: int = 0) -> np.ndarray:
        """Raw scores, uncalibrated means of the boosters.

        Parameters
        ----------
        X : (n, len(FEATURE_NAMES)) float32
        without : int
            So many of the last trees of each booster are left out.

        Returns
        -------
        (n, 2) float64
            Columns `HITS`, to select by, and `IOU`, for the user.
        """
        X = _checked(X)
        families = self._fitted("ensembles_", "fit")
        columns = [
            np.mean([one.head(one.n_trees - without).predict(X) for one in several], axis=0)
            for several in families
        ]
        return np.stack(columns, axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predicted IoU, (n,) float32 in [0, 1]; calibrated if `calibrate` was called."""
        return self.to_iou(self.predict_raw(X))

    def to_iou(self, raw: np.ndarray) -> np.ndarray:
        """IoU to expect of candidates with these raw scores if chosen, (n,) float32 in [0, 1]."""
        if hasattr(self, "calibration_"):
            return self.calibration_.to_iou(raw)
        return np.clip(raw[:, IOU], 0, 1).astype(np.float32)

    def to_hits(self, raw: np.ndarray, *, chosen: bool = False) -> np.ndarray:
        """Hit rates to expect of candidates, or of chosen ones, (n, 10); needs `calibrate`."""
        return self._fitted("calibration_", "calibrate").to_hits(raw, chosen=chosen)

    def calibrate(self, calibration: CalibrationSet) -> IoURegressor:
        """Set what the raw scores stand for, fitted on predictions out of fold; returns self."""
        self.calibration_ = calibration
        return self

    def save(self, folder: str | Path) -> list[Path]:
        """Write the boosters as LightGBM text and everything else as JSON.

        Returns
        -------
        list of Path
            The files written, in `folder`, which is made if missing.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for name, boosters in zip(_FAMILIES, self._fitted("boosters_", "fit"), strict=True):
            files[name] = [folder / f"{name}_{i}.txt" for i in range(len(boosters))]
            for path, text in zip(files[name], boosters, strict=True):
                path.write_text(text, encoding="utf-8", newline="\n")
        data = {
            "format": FORMAT,
            "features": list(FEATURE_NAMES),
            "config": (self.config or RegressorConfig()).model_dump(),
            "boosters": {name: [path.name for path in paths] for name, paths in files.items()},
        }
        if hasattr(self, "calibration_"):
            data["calibration"] = self.calibration_.as_dict()
        table = folder / FILE
        table.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8", newline="\n")
        return [*(path for paths in files.values() for path in paths), table]

    @classmethod
    def load(cls, folder: str | Path) -> IoURegressor:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If a file is missing or broken, or the model was fitted on other features.
        """
        path = Path(folder) / FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            version, names = data["format"], tuple(data["features"])
            config = RegressorConfig(**data["config"])
            files = [list(data["boosters"][name]) for name in _FAMILIES]
        except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{path}: not a saved regressor ({error})") from error
        if version != FORMAT:
            raise ValueError(
                f"{path}: format {version!r}, this version reads {FORMAT}; train the trees again"
            )
        if names != FEATURE_NAMES:
            odd = sorted(set(names) ^ set(FEATURE_NAMES)) or "their order"
            raise ValueError(
                f"{path}: fitted on {len(names)} features, this version computes "
                f"{len(FEATURE_NAMES)}; different: {odd}; train the trees again"
            )
        model = cls(config)
        try:
            model._use(
                [(path.parent / Path(name).name).read_text("utf-8") for name in names]
                for names in files
            )
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(f"{path.parent}: a booster cannot be read ({error})") from error
        if "calibration" in data:
            try:
                model.calibration_ = CalibrationSet.from_dict(data["calibration"])
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
        return model

    def _use(self, families: Iterable[list[str]]) -> None:
        """Take models as LightGBM's text."""
        self.boosters_ = tuple(families)
        if not all(self.boosters_):
            raise ValueError("a score has no boosters")
        self.ensembles_ = tuple([TreeEnsemble.from_text(t) for t in ts] for ts in self.boosters_)
        widest = max(one.n_columns for several in self.ensembles_ for one in several)
        if widest > len(FEATURE_NAMES):
            raise ValueError(f"it looks at feature {widest} of {len(FEATURE_NAMES)}")

    def _fitted(self, name: str, method: str):
        if not hasattr(self, name):
            raise ValueError(
                f"this IoURegressor has no {name} yet; call {method}() or load() first"
            )
        return getattr(self, name)


def targets_of(iou: np.ndarray, config: RegressorConfig | None = None) -> np.ndarray:
    """What the raw scores are fitted to, (n, 2): to select by, and the IoU.

    Examples
    --------
    >>> targets_of(np.array([0.4, 0.72])).tolist()
    [[0.0, 0.4], [0.5, 0.72]]
    """
    iou = np.asarray(iou, float)
    by_hits = (config or RegressorConfig()).target == "hits"
    return np.stack([hits(iou).mean(axis=1) if by_hits else iou, iou], axis=1)


def _checked(X: np.ndarray) -> np.ndarray:
    X = np.ascontiguousarray(X, dtype=np.float32)
    if X.ndim != 2 or X.shape[1] != len(FEATURE_NAMES):
        raise ValueError(f"X must be (n, {len(FEATURE_NAMES)}), got {X.shape}")
    return X


def _parameters(config: RegressorConfig, seed: int) -> dict:
    return {
        "objective": "regression",
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.min_rows,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.row_fraction,
        "bagging_freq": 1,
        "lambda_l2": config.l2,
        "max_bin": 127,
        "seed": seed,
        "num_threads": config.threads,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
