"""Tell the class of every nucleus of an image, where the model has learnt classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nucleisplit.errors import BundleError
from nucleisplit.measure import FEATURES, Regions, describe_nuclei, in_order
from nucleisplit.palette import Color
from stage2_trees import NucleusClassifier, Split

__all__ = ["NUCLEUS", "Classes", "Told", "name_classes"]

NUCLEUS = 0.5
"""An outline is dropped where it is less likely than this to be a nucleus of any class."""


@dataclass(frozen=True, eq=False)
class Told:
    """What is told of the nuclei of a label image, by label."""

    ids: np.ndarray
    """(n,) integer: the number of the likeliest class, from 1."""
    probability: np.ndarray
    """(n,) float64: of that class."""
    nucleus: np.ndarray
    """(n,) float64: probability of a nucleus of any class; 1 where the model knows no others."""

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, rows: np.ndarray | slice) -> Told:
        """What is told of some of them."""
        return Told(self.ids[rows], self.probability[rows], self.nucleus[rows])

    def and_rest_of(self, other: Told) -> Told:
        """The same, and what another tells of nuclei with higher labels."""
        own, rest = vars(self), vars(other.rows(slice(len(self), None)))
        return Told(*(np.concatenate([own[name], rest[name]]) for name in own))

    def columns(self) -> dict[str, np.ndarray]:
        """Number and probability of the class as columns of a table."""
        return {"class_id": self.ids, "class_probability": self.probability}


@dataclass(frozen=True, eq=False)
class Classes:
    """What tells the classes of the nuclei of one image, or of any part of it."""

    classifier: NucleusClassifier
    span: tuple[float, float]
    """Values of the image that count as black and white, see `stage1_unet.measure_levels`."""
    colors: Mapping[str, Color] = field(default_factory=dict)
    """The classes in order, with what stands for them in pictures."""

    def __post_init__(self) -> None:
        if self.classifier.features != FEATURES:
            raise BundleError(
                "the classes of this model were learnt from other measurements of nuclei",
                "fit them again: nucleisplit train-trees --classes",
            )

    def tell(self, regions: Regions, image: np.ndarray, table: pd.DataFrame | None = None) -> Told:
        """Tell the class of each nucleus of a label image, of which `table` may hold the shapes."""
        shapes = None if table is None or "solidity" not in table else table
        given = self.span, self.classifier.radius, shapes
        described = describe_nuclei(regions, image, *given)
        probability = self.classifier.predict_proba(described)
        return Told(
            probability.argmax(axis=1) + 1,
            probability.max(axis=1, initial=0.0),
            probability.sum(axis=1),
        )

    def drop(
        self,
        split: Split,
        image: np.ndarray,
        min_iou: Mapping[str, float],
        min_area: Mapping[str, int],
    ) -> tuple[Split, Told, np.ndarray]:
        """Leave out the nuclei that their class does not let pass.

        All are told before any is dropped, so that what is around each is as it was learnt.

        Parameters
        ----------
        split, image
        min_iou, min_area
            Limits of single classes, see `nucleisplit.cut.Cut`.

        Returns
        -------
        split : Split
            Without them.
        told : Told
            Of those that are left.
        dropped : (k,) int64
            The candidates that were left out.
        """
        told = self.tell(Regions.of(split.labels), image)
        keep = told.nucleus >= NUCLEUS
        area = np.bincount(split.labels.ravel(), minlength=len(told) + 1)[1:]
        for limits, values in ((min_iou, split.predicted_iou), (min_area, area)):
            least = np.array([limits.get(name, 0) for name in self.classifier.classes])
            keep &= values >= least[told.ids - 1]
        return split.only(keep), told.rows(keep), split.chosen[~keep]

    def add(self, table: pd.DataFrame, told: Told) -> pd.DataFrame:
        """Return a table of nuclei with their classes."""
        named = table.copy(deep=False)
        named["class"] = pd.Categorical.from_codes(told.ids - 1, list(self.classifier.classes))
        named["class_probability"] = told.probability
        return named[in_order(named)]


def name_classes(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Put the names of classes in place of their numbers, from 1, as a categorical column."""
    codes = table["class_id"].to_numpy(int) - 1
    named = table.drop(columns="class_id")
    named["class"] = pd.Categorical.from_codes(codes, list(classes))
    return named[in_order(named)]
