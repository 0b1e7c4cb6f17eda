"""How the scored candidates of an image become its nuclei."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

from nucleisplit.config import ClassesConfig
from nucleisplit.errors import ConfigError
from stage2_trees import NucleusClassifier, SelectConfig

__all__ = ["Cut", "check_class_limits"]

_LIMITS = (
    ("min_iou", 0, 1, "give a number from 0 to 1"),
    ("min_area", 0, sys.maxsize, "give 0 or more pixels"),
    ("split_bias", -1, 1, "give a number from -1 to 1"),
    ("sensitivity", -1, 1, "give a number from -1 to 1"),
    ("outline_bias", -1, 1, "give a number from -1 to 1"),
)


@dataclass(frozen=True)
class Cut:
    """How the scored candidates of an image become its nuclei.

    Raises
    ------
    ConfigError
        A value is out of range.
    """

    min_iou: float = 0.0
    """Nuclei with a lower predicted IoU are dropped."""
    min_area: int = 0
    """Outlines of fewer pixels are not considered."""
    split_bias: float = 0.0
    """From -1, merge what can be merged, to 1, split what can be split; see `SelectConfig`."""

    sensitivity: float = 0.0
    """From -1, keep only nuclei that are nearly certain, to 1, keep all that are credible; see
    `SelectConfig`."""

    outline_bias: float = 0.0
    """From -1, outlines as tight as can be, to 1, as wide as can be; see `SelectConfig`."""

    class_min_iou: Mapping[str, float] = field(default_factory=dict)
    """By class: nuclei with a lower predicted IoU are dropped, beside `min_iou` for all."""
    class_min_area: Mapping[str, int] = field(default_factory=dict)
    """By class: nuclei of fewer pixels are dropped."""

    def __post_init__(self) -> None:
        for name, low, high, hint in _LIMITS:
            own = getattr(self, f"class_{name}", {})
            for what, value in {name: getattr(self, name), **own}.items():
                if not isinstance(value, Real) or not low <= float(value) <= high:
                    of = f"{name} of {what}" if what in own else name
                    raise ConfigError(f"{of} is {value!r}", hint=hint)

    @classmethod
    def of(cls, before: Cut, **new: Any) -> Cut:
        """The cut before, with what is given and not None in its place."""
        return replace(before, **{name: value for name, value in new.items() if value is not None})

    def with_classes_of(self, made: ClassesConfig) -> Cut:
        """The same, with the limits of classes that a model was made with where none are given."""
        return replace(
            self,
            class_min_iou={**made.min_iou, **self.class_min_iou},
            class_min_area={**made.min_area, **self.class_min_area},
        )

    def apply_to(self, config: SelectConfig) -> SelectConfig:
        """The settings of a selection, with the biases and the sensitivity of this cut."""
        names = ("split_bias", "sensitivity", "outline_bias")
        return config.model_copy(update={name: getattr(self, name) for name in names})


def check_class_limits(cut: Cut, classifier: NucleusClassifier | None) -> None:
    """Refuse limits of classes that a model does not tell; `ConfigError`."""
    for option in ("min_iou", "min_area"):
        for name in getattr(cut, f"class_{option}"):
            if classifier is None:
                raise ConfigError(
                    f"{option} of {name}: the model tells no classes",
                    hint="give a number for all nuclei, or a model that was made with nucleisplit "
                    "train-trees --classes",
                )
            if name not in classifier.classes:
                raise ConfigError(
                    f"{option} of {name}: the model tells no such class",
                    hint=f"its classes are {', '.join(classifier.classes)}",
                )
