"""Which columns the table of nuclei has, in which order, and of which type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from nucleisplit.errors import ConfigError

__all__ = [
    "CYTOPLASM",
    "GROUPS",
    "INTENSITY",
    "LENGTHS",
    "NEIGHBOURS",
    "SHAPE",
    "TEXTURE",
    "Measures",
    "in_order",
    "type_of",
]

_FIRST = (
    *("label", "centroid-0", "centroid-1"),
    *("bbox-0", "bbox-1", "bbox-2", "bbox-3"),
    "area",
)
SHAPE = (
    "perimeter",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "orientation",
    "equivalent_diameter_area",
    "feret_diameter_max",
    "extent",
    "solidity",
    "circularity",
)
INTENSITY = (
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_p5",
    "intensity_median",
    "intensity_p95",
    "intensity_max",
)
"""Of the image; those of its channel 0, 1, ... have a number: ``intensity_mean-0``."""
TEXTURE = ("texture_contrast", "texture_homogeneity", "texture_correlation", "texture_entropy")
_GIVEN = ("predicted_iou", "threshold", "touches_edge")
_CLASS = ("class", "class_id", "class_probability")
"""Of models that have learnt classes."""
NEIGHBOURS = ("neighbours_touching", "neighbours_near", "neighbour_distance")
GROUPS = {"shape": SHAPE, "intensity": INTENSITY, "texture": TEXTURE, "neighbours": NEIGHBOURS}
"""What can be measured beside `_FIRST`, by the names that users give."""
LENGTHS = {
    "centroid-0": "centroid-0_um",
    "centroid-1": "centroid-1_um",
    "area": "area_um2",
    "perimeter": "perimeter_um",
    "axis_major_length": "axis_major_length_um",
    "axis_minor_length": "axis_minor_length_um",
    "equivalent_diameter_area": "equivalent_diameter_area_um",
    "feret_diameter_max": "feret_diameter_max_um",
    "neighbour_distance": "neighbour_distance_um",
}
"""Columns in pixels, and those of the same in micrometres."""

CYTOPLASM = "cytoplasm_"
"""Begins the columns of a cell that are about its pixels outside the nucleus."""

_ALL = (*_FIRST, *SHAPE, *INTENSITY, *TEXTURE, *_GIVEN, *_CLASS, *NEIGHBOURS, *LENGTHS.values())
_RANK = {name: rank for rank, name in enumerate(_ALL)}
_WHOLE = {"label", "bbox-0", "bbox-1", "bbox-2", "bbox-3", "area", "class_id", *NEIGHBOURS[:2]}


@dataclass(frozen=True)
class Measures:
    """What is measured of every nucleus.

    Raises
    ------
    ConfigError
        A value is unknown or out of range.

    Examples
    --------
    >>> Measures(("neighbours",)).columns()[8:]
    ['predicted_iou', 'threshold', 'touches_edge', 'neighbours_touching', 'neighbours_near',
     'neighbour_distance']
    """

    groups: tuple[str, ...] = ("shape", "intensity", "neighbours")
    """Names of `GROUPS`."""
    channels: str = "chosen"
    """``chosen``: the channels that are segmented; ``all``: those that the file holds."""
    radius: float | None = None
    """Nuclei whose centres lie at most so many pixels apart are near one another; None: three
    times the median diameter (`equivalent_diameter_area`) of the nuclei of the image."""

    def __post_init__(self) -> None:
        known = tuple(name for name in GROUPS if name in self.groups)
        unknown = [name for name in self.groups if name not in GROUPS]
        if unknown:
            raise ConfigError(
                f"nothing to measure is called {unknown[0]!r}", f"choose of {', '.join(GROUPS)}"
            )
        if self.channels not in ("chosen", "all"):
            raise ConfigError(f"channels is {self.channels!r}", "give chosen or all")
        if self.radius is not None and not 0 < self.radius < float("inf"):
            raise ConfigError(f"radius is {self.radius}", "give a number of pixels above 0")
        object.__setattr__(self, "groups", known)

    def __contains__(self, group: str) -> bool:
        return group in self.groups

    def columns(self, channels: int = 0, sized: bool = False) -> list[str]:
        """Return the columns of the table of an image, in order.

        Parameters
        ----------
        channels
            How many channels are measured one by one.
        sized
            Whether the size of its pixels is known.
        """
        names = [*_FIRST, *_GIVEN, *(name for group in self.groups for name in GROUPS[group])]
        if "intensity" in self:
            names += [f"{name}-{channel}" for name in INTENSITY for channel in range(channels)]
        if sized:
            names += [LENGTHS[name] for name in names if name in LENGTHS]
        return in_order(names)

    def near(self, area: np.ndarray) -> float | None:
        """Return the radius, given the areas of all nuclei of an image; None without nuclei."""
        if self.radius is not None or not len(area):
            return self.radius
        return 3 * float(np.sqrt(4 * np.median(area) / np.pi))


def in_order(names: Iterable[str]) -> list[str]:
    """Sort columns, each of them once; those of the cytoplasm come last.

    >>> in_order(["area", "intensity_std-10", "intensity_std-2", "label", "intensity_std", "area"])
    ['label', 'area', 'intensity_std', 'intensity_std-2', 'intensity_std-10']
    """

    def rank(name: str) -> tuple[bool, int, int]:
        is_around, name = name.startswith(CYTOPLASM), name.removeprefix(CYTOPLASM)
        if name in _RANK:
            return is_around, _RANK[name], -1
        base, _, channel = name.rpartition("-")
        return is_around, _RANK[base], int(channel)

    return sorted(set(names), key=rank)


def type_of(name: str) -> type:
    """Return the type of a column, also where there are no nuclei."""
    if name == "touches_edge":
        return np.bool_
    if name == "class":
        return np.object_
    return np.int64 if name.removeprefix(CYTOPLASM) in _WHOLE else np.float64
