"""How a model looks at an image."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stage1_unet import Levels


@dataclass(frozen=True)
class Look:
    """How one model looks at an image, so that all its parts are seen alike."""

    levels: Levels
    scale: Fraction
    """By which the image is enlarged."""

    def to_json(self) -> dict:
        """Plain values, from which `from_json` makes the same look."""
        levels = self.levels
        return {"spans": levels.spans, "exchange": levels.exchange, "scale": str(self.scale)}

    @classmethod
    def from_json(cls, values: dict) -> Look:
        """Read what `to_json` wrote."""
        spans = tuple((low, high) for low, high in values["spans"])
        return cls(Levels(spans, values["exchange"]), Fraction(values["scale"]))
