"""Frozen settings of the second stage; unknown keys and values out of range are refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_MOST_PIXELS = 10**9


class _Settings(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class ThresholdConfig(_Settings):
    """The fixed-threshold watershed, the reference that the forest is measured against."""

    seed: float = Field(0.5, ge=0, lt=1)
    """Seeds are connected pixels whose seed map, body * (1 - separation), is above this."""

    body: float = Field(0.5, ge=0, lt=1)
    """Nuclei are grown from their seeds over the pixels whose body is above this."""

    border_weight: float = Field(0.0, ge=0, le=1)
    """How much of the border map is also taken off the seed map: times (1 - weight * border)."""

    min_seed_area: int = Field(4, ge=1, le=_MOST_PIXELS)
    """Seeds of fewer pixels are ignored."""

    min_area: int = Field(12, ge=1, le=_MOST_PIXELS)
    """Grown nuclei of fewer pixels are dropped."""


class ForestConfig(_Settings):
    """How the nested candidates are made from the maps."""

    levels: int = Field(128, ge=8, le=255)
    """Number of grey levels the seed map is cut at."""

    border_weight: float = Field(0.0, ge=0, le=1)
    """As in ThresholdConfig."""

    extents: tuple[float, ...] = (0.06, 0.14, 0.28, 0.46, 0.65, 0.82)
    """Body levels, ascending, at which every candidate's outline is tried; the first is the floor
    below which no pixel belongs to any nucleus (except in a filled hole)."""

    min_contrast: float = Field(0.05, ge=0, le=1)
    """A peak of the seed map that rises less than this above its saddle starts no candidate."""

    min_leaf_area: int = Field(6, ge=1, le=_MOST_PIXELS)
    """A peak with fewer pixels where it meets another piece starts no candidate."""

    min_area: int = Field(12, ge=1, le=_MOST_PIXELS)
    """Candidates of fewer pixels are left out."""

    min_area_step: float = Field(0.03, ge=0, lt=1)
    """An extent whose area is within this fraction of the next wider one is left out."""

    max_leaves: int = Field(24, ge=1, le=10_000)
    """Unions of more peaks than this are no candidates (their parts still are)."""

    max_hole: int = Field(200, ge=0, le=_MOST_PIXELS)
    """Enclosed gaps of at most this many pixels below the floor may be filled as holes."""

    @field_validator("extents")
    @classmethod
    def _ascending(cls, extents: tuple[float, ...]) -> tuple[float, ...]:
        if not 1 <= len(extents) <= 16:
            raise ValueError(f"extents must be 1 to 16 levels, got {len(extents)}")
        if not all(0 < level < 1 for level in extents):
            raise ValueError(f"extents must lie between 0 and 1, got {extents}")
        if list(extents) != sorted(set(extents)):
            raise ValueError(f"extents must ascend, got {extents}")
        return extents


class RecutConfig(_Settings):
    """The candidates of a few named thresholds, the reference that all thresholds are compared to.

    The defaults are those of the winning solution of the Data Science Bowl 2018.
    """

    seed: float = Field(0.5, ge=0, lt=1)
    """Regions are the connected pixels whose seed map is above this."""

    cuts: tuple[float, ...] = Field((0.6, 0.7), max_length=16)
    """Higher levels of the seed map, ascending, at which each region is cut again into parts."""

    core: float | None = Field(0.8, gt=0, lt=1)
    """A last, highest cut, after which the pieces are eroded; None to leave it out."""

    erosion: int = Field(1, ge=0, le=100)
    """Pixels that the pieces of that cut are eroded by."""

    body: float = Field(0.5, gt=0, lt=1)
    """Regions and parts are grown over the pixels whose body is above this."""

    border_weight: float = Field(0.0, ge=0, le=1)
    """As in ThresholdConfig."""

    min_part_area: int = Field(6, ge=1, le=_MOST_PIXELS)
    """Smaller pieces of a cut are no parts."""

    min_area: int = Field(12, ge=1, le=_MOST_PIXELS)
    """Candidates of fewer pixels are left out."""

    max_leaves: int = Field(24, ge=1, le=10_000)
    """As in ForestConfig."""

    max_hole: int = Field(200, ge=0, le=_MOST_PIXELS)
    """As in ForestConfig."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """All levels that the seed map is cut at, ascending."""
        return (self.seed, *self.cuts, *(() if self.core is None else (self.core,)))

    @model_validator(mode="after")
    def _ascending(self) -> RecutConfig:
        at = self.thresholds
        if at[-1] >= 1 or any(b - a < 0.01 for a, b in pairwise(at)):
            raise ValueError(
                f"seed, cuts and core must ascend by at least 0.01 and lie below 1, got {at}"
            )
        return self


class RegressorConfig(_Settings):
    """How the candidates' score is learnt."""

    target: Literal["iou", "hits"] = "hits"
    """What the selection goes by: the true IoU, or the share of the ten thresholds 0.50, 0.55,
    ..., 0.95 that it exceeds."""

    boosters: int = Field(3, ge=1, le=20)
    """Models of that target that differ in their random seed, averaged."""

    iou_boosters: int = Field(1, ge=1, le=20)
    """Models of the true IoU, averaged: what the user is told about the nuclei selected."""

    rounds: int = Field(150, ge=1, le=100_000)
    """Trees of each booster."""

    learning_rate: float = Field(0.05, gt=0, le=1)
    """Weight of each tree."""

    leaves: int = Field(24, ge=2, le=32)
    """Leaves of each tree."""

    min_rows: int = Field(60, ge=1, le=10**9)
    """Candidates in a leaf of a tree, at least."""

    feature_fraction: float = Field(0.5, gt=0, le=1)
    """Share of the features each tree may use."""

    row_fraction: float = Field(0.7, gt=0, le=1)
    """Share of the candidates each tree is grown on."""

    l2: float = Field(5.0, ge=0, le=1e9)
    """L2 penalty on leaf values."""

    seed: int = Field(0, ge=0, le=10**9)
    """Random seed of the first booster."""

    threads: int = Field(0, ge=0, le=1024)
    """Threads to fit with, 0 for all cores; the result does not depend on it."""


class AdaptConfig(_Settings):
    """How fitted trees learn from a few more images."""

    steps: tuple[Annotated[int, Field(le=100_000)], ...] = Field(
        (0, 5, 10, 20, 40, 80), max_length=64
    )
    """Numbers of trees to add to each booster, of which cross-validation takes the best."""

    learning_rate: float = Field(0.05, gt=0, le=1)
    """Weight of each added tree."""

    leaves: int = Field(8, ge=2, le=32)
    """Leaves of each added tree."""

    min_rows: int = Field(40, ge=1, le=10**9)
    """Candidates in a leaf of an added tree, at least."""

    l2: float = Field(20.0, ge=0, le=1e9)
    """L2 penalty on the leaf values of added trees."""

    prior_images: float = Field(10.0, ge=0, le=1e9)
    """How many images the old calibration counts for beside the new ones."""

    @field_validator("steps")
    @classmethod
    def _steps_ascend(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or value[0] != 0 or any(b <= a for a, b in pairwise(value)):
            raise ValueError(f"steps must begin with 0 and ascend, got {value}")
        return value


class SelectConfig(_Settings):
    """How the best set of disjoint candidates is chosen."""

    iterations: int = Field(3, ge=1, le=1000)
    """How often the expected gain is linearised around the set just chosen."""

    margin: float = Field(0.03, ge=0, lt=1)
    """Expected hit rate by which another extent must beat a candidate's reference extent."""

    reference_extent: float = Field(0.46, gt=0, lt=1)
    """Body level of the reference extent; where it is no candidate, the next higher one is."""

    split_bias: float = Field(0.0, ge=-1, le=1)
    """How readily nuclei in contact are told apart; 0 keeps what is expected to score best.
    Towards -1 a union may be ever worse than its parts and still replace them, at the end with a
    hit rate of 0.05; towards 1 parts may be ever worse than their union, at the end with a hit
    rate of 0.1 each. The number of nuclei never falls as the bias rises."""

    sensitivity: float = Field(0.0, ge=-1, le=1)
    """How readily a nucleus is kept; 0 keeps those that are expected to raise the score. Above 0,
    others are kept beside them where nothing is, down to a hit rate of 0.05 at 1; below 0, those
    under a bar that rises to a hit rate of 0.8 at -1 are dropped, those of a bias included. What
    is kept at one sensitivity is kept at every higher one."""

    outline_bias: float = Field(0.0, ge=-1, le=1)
    """How wide the outlines are drawn; 0 draws each where it is expected to score best. Towards 1
    each nucleus is drawn at ever lower body levels, at the end at its lowest; towards -1 at ever
    higher ones. Which nuclei are kept does not change, and a wider outline holds the tighter."""


class LinkConfig(_Settings):
    """How the nuclei of the slices of a stack become volumes."""

    min_iou: float = Field(0.5, gt=0, le=1)
    """Outlines of two slices with a lower IoU are not joined."""

    bridge: bool = True
    """Whether a nucleus may be missing in one slice."""

    max_valley: float = Field(0.85, ge=0, le=1)
    """A volume is cut where its area falls below this share of the largest area before and of the
    largest after; 0: never."""

    min_slices: int = Field(2, ge=1, le=_MOST_PIXELS)
    """Volumes in fewer slices are dropped."""

    min_volume: int = Field(30, ge=1, le=_MOST_PIXELS)
    """Volumes of fewer voxels are dropped."""


class VolumeConfig(_Settings):
    """How the maps of a stack are cut in 3-D."""

    body: float = Field(0.65, ge=0, lt=1)
    """Voxels whose body is above this belong to nuclei. Above one half, because the light of
    a nucleus reaches into the slices above and below it."""

    smoothing: float = Field(1.0, ge=0, le=100)
    """Standard deviation, in pixels, by which the seed map is smoothed."""

    min_contrast: float = Field(0.02, ge=0, le=1)
    """As in ForestConfig."""

    min_leaf_volume: int = Field(20, ge=1, le=_MOST_PIXELS)
    """A peak with fewer voxels where it meets another piece starts no candidate."""

    min_volume: int = Field(30, ge=1, le=_MOST_PIXELS)
    """Volumes of fewer voxels are dropped."""

    max_hole: int = Field(200, ge=0, le=_MOST_PIXELS)
    """Enclosed gaps of at most this many voxels count as part of the nuclei."""

    split_bias: float = Field(0.0, ge=-1, le=1)
    """How readily nuclei in contact are told apart: a union is kept where it fills its ellipsoid,
    times one minus this, as well as its parts. At -1 nearly everything in contact is one, at 1
    every peak is a nucleus."""
