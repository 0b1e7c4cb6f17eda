"""Tell the class of every nucleus of an image, where the model has learnt classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nucleisplit.errors import BundleError
from nucleisplit.measure import FEATURES, describe_nuclei, in_order
from stage2_trees import NucleusClassifier

__all__ = ["Classes", "name_classes"]


@dataclass(frozen=True, eq=False)
class Classes:
    """What tells the classes of the nuclei of one image, or of any part of it."""

    classifier: NucleusClassifier
    span: tuple[float, float]
    """Values of the image that count as black and white, see `stage1_unet.measure_levels`."""

    def __post_init__(self) -> None:
        if self.classifier.features != FEATURES:
            raise BundleError(
                "the classes of this model were learnt from other measurements of nuclei",
                "fit them again: nucleisplit train-trees --classes",
            )

    def columns(self, labels: np.ndarray, image: np.ndarray) -> dict[str, np.ndarray]:
        """Return number (from 1) and probability of the class of each nucleus, by label."""
        described = describe_nuclei(labels, image, self.span, self.classifier.radius)
        probability = self.classifier.predict_proba(described)
        return {
            "class_id": probability.argmax(axis=1) + 1,
            "class_probability": probability.max(axis=1, initial=0.0),
        }

    def add_to(self, table: pd.DataFrame, labels: np.ndarray, image: np.ndarray) -> pd.DataFrame:
        """Return the table of the nuclei of a label image with their classes."""
        table = table.assign(**self.columns(labels, image))
        return name_classes(table, self.classifier.classes)


def name_classes(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Put the names of classes in place of their numbers, from 1, as a categorical column."""
    codes = table["class_id"].to_numpy(int) - 1
    named = table.drop(columns="class_id")
    named["class"] = pd.Categorical.from_codes(codes, list(classes))
    return named[in_order(named)]
