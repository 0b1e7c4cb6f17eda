"""The intensities and the scale at which a model sees an image."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stage1_unet import Levels


@dataclass(frozen=True)
class ImageScaling:
    """How one model sees an image, so that all its parts are treated alike."""

    levels: Levels
    scale: Fraction
    """By which the image is enlarged."""

    def to_json(self) -> dict:
        """Plain values, from which `from_json` makes the same scaling."""
        levels = self.levels
        return {"spans": levels.spans, "exchange": levels.exchange, "scale": str(self.scale)}

    @classmethod
    def from_json(cls, values: dict) -> ImageScaling:
        """Read what `to_json` wrote."""
        spans = tuple((low, high) for low, high in values["spans"])
        return cls(Levels(spans, values["exchange"]), Fraction(values["scale"]))
