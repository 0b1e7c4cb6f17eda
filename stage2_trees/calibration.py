"""From a raw score to the IoU and the hit rates it stands for, by isotonic regression.

The map is monotone and given by a few knots, so that it is stored in JSON and read by a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stage2_trees.select import THRESHOLDS, hits

HITS, IOU = range(2)
"""Columns of the raw scores: the one to select by, and the IoU."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A monotone table: raw score to expected IoU and to the probability of each hit.

    Attributes
    ----------
    knots : (m,) float64
        Raw scores, ascending; between them the values are interpolated, beyond them held.
    iou : (m,) float64
    hits : (m, 10) float64
        Probability that the IoU exceeds 0.50, 0.55, ..., 0.95.
    """

    knots: np.ndarray
    iou: np.ndarray
    hits: np.ndarray

    @classmethod
    def fit(
        cls, raw: np.ndarray, iou: np.ndarray, weights: np.ndarray | None = None, bins: int = 60
    ) -> Calibration:
        """Fit to scores of candidates that the scorer was not fitted on.

        Parameters
        ----------
        raw, iou : (n,) floating
            Raw scores and true IoUs; n at least 1.
        weights : (n,) floating, optional
        bins : int
            Groups of about equal weight that the scores are averaged in first.
        """
        from scipy.optimize import isotonic_regression  # slow to import

        weights = np.ones(len(raw)) if weights is None else np.asarray(weights, float)
        order = np.argsort(raw, kind="stable")
        mass = np.cumsum(weights[order])
        group = np.minimum((mass - weights[order] / 2) / mass[-1] * bins, bins - 1).astype(int)
        # Equal scores belong to one group.
        score = np.asarray(raw, float)[order]
        _, run = np.unique(score, return_inverse=True)
        group = group[np.searchsorted(run, run)]
        group = np.unique(group, return_inverse=True)[1]

        def mean(values: np.ndarray) -> np.ndarray:
            return np.bincount(group, weights[order] * values) / total

        total = np.bincount(group, weights[order])
        knots, first = np.unique(mean(score), return_index=True)
        true = np.asarray(iou, float)[order]
        means = [mean(column) for column in [true, *hits(true).T]]
        table = [isotonic_regression(values, weights=total).x[first] for values in means]
        return cls(knots, table[0], np.stack(table[1:], axis=1))

    def to_iou(self, raw: np.ndarray) -> np.ndarray:
        """Expected IoU of each raw score, (n,) float32."""
        return np.interp(raw, self.knots, self.iou).astype(np.float32)

    def to_hits(self, raw: np.ndarray) -> np.ndarray:
        """Probability of each hit of each raw score, (n, 10) float64."""
        return np.stack([np.interp(raw, self.knots, column) for column in self.hits.T], axis=1)

    def blend(self, other: Calibration, share: float) -> Calibration:
        """Return the weighted mean of two tables; `share` is that of the other one, 0 to 1.

        Examples
        --------
        >>> low = Calibration(np.array([0.0, 1.0]), np.array([0.0, 0.5]), np.zeros((2, 10)))
        >>> high = Calibration(np.array([0.5]), np.array([1.0]), np.ones((1, 10)))
        >>> low.blend(high, 0.25).iou.tolist()
        [0.25, 0.4375, 0.625]
        """
        knots = np.union1d(self.knots, other.knots)

        def mean(own: np.ndarray, others: np.ndarray) -> np.ndarray:
            ours = np.interp(knots, self.knots, own)
            return (1 - share) * ours + share * np.interp(knots, other.knots, others)

        columns = zip(self.hits.T, other.hits.T, strict=True)
        hit = np.stack([mean(own, others) for own, others in columns], axis=1)
        return Calibration(knots, mean(self.iou, other.iou), hit)

    def as_dict(self) -> dict:
        """As lists, for JSON."""
        return {
            "knots": self.knots.tolist(),
            "iou": self.iou.tolist(),
            "hits": self.hits.tolist(),
        }

    @classmethod
    def from_dict(cls, data: dict) -> Calibration:
        """Read what `as_dict` wrote.

        Raises
        ------
        ValueError
            If a table is missing, has the wrong shape, or is not ascending.
        """
        try:
            knots, iou, table = (np.array(data[k], float) for k in ("knots", "iou", "hits"))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"calibration is incomplete: {error}") from error
        shape = (knots.size, len(THRESHOLDS))
        if knots.ndim != 1 or not knots.size or iou.shape != knots.shape or table.shape != shape:
            raise ValueError(
                f"calibration tables do not fit: knots {knots.shape}, iou {iou.shape}, "
                f"hits {table.shape}"
            )
        if (np.diff(knots) <= 0).any() or not np.isfinite(np.c_[knots, iou, table]).all():
            raise ValueError("calibration knots must ascend and all values must be finite")
        return cls(knots, iou, table)


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """What the two raw scores of a candidate stand for.

    Attributes
    ----------
    any_hits : Calibration
        Of the score to select by, fitted on all candidates: what the selection needs.
    chosen_hits : Calibration
        The same on chosen ones, which are luckier than others of their score.
    chosen_iou : Calibration
        Of the raw IoU, fitted on chosen ones: what the user is told.
    """

    any_hits: Calibration
    chosen_hits: Calibration
    chosen_iou: Calibration

    def to_hits(self, raw: np.ndarray, *, chosen: bool = False) -> np.ndarray:
        """Hit rates to expect of candidates with raw scores (n, 2), (n, 10) float64."""
        return (self.chosen_hits if chosen else self.any_hits).to_hits(raw[:, HITS])

    def to_iou(self, raw: np.ndarray) -> np.ndarray:
        """IoU to expect of candidates with raw scores (n, 2) if chosen, (n,) float32 in [0, 1].

        Below the table, where next to nothing is ever chosen, the raw IoU stands for itself.
        """
        raw, table = raw[:, IOU], self.chosen_iou
        iou = table.to_iou(raw)
        iou = np.where(raw < table.knots[0], np.minimum(raw, iou), iou)
        return np.clip(iou, 0, 1).astype(np.float32)

    def blend(self, other: CalibrationSet, share: float) -> CalibrationSet:
        """Return the weighted means of the tables; `share` is that of the other ones, 0 to 1."""
        names = self.__dataclass_fields__
        return CalibrationSet(*(getattr(self, n).blend(getattr(other, n), share) for n in names))

    def as_dict(self) -> dict:
        """As lists, for JSON."""
        return {name: getattr(self, name).as_dict() for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, data: dict) -> CalibrationSet:
        """Read what `as_dict` wrote.

        Raises
        ------
        ValueError
            If a table is missing or broken.
        """
        try:
            return cls(*(Calibration.from_dict(data[n]) for n in cls.__dataclass_fields__))
        except (KeyError, TypeError) as error:
            raise ValueError(f"calibration is incomplete: {error}") from error
