"""The nuclei of one image, and what else they could have been."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nucleisplit.classify import Classes, Told
from nucleisplit.cut import Cut, check_class_limits
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.labels import to_spatialdata
from nucleisplit.measure import Cells, Expansion, Regions, expand, measure, measure_cells
from stage2_trees import (
    DOUBTFUL,
    KINDS,
    Alternative,
    IoURegressor,
    SecondOpinions,
    SelectConfig,
    Split,
    add_candidates,
    addition_at,
    alternatives_of,
    choose,
    second_opinions,
)

if TYPE_CHECKING:
    from spatialdata import SpatialData


@dataclass(frozen=True, eq=False)
class ScoredImage:
    """What is needed to choose again: an image, its scored candidates, how they were chosen."""

    image: np.ndarray
    split: Split
    regressor: IoURegressor
    config: SelectConfig
    cut: Cut
    measuring: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of `measure`: what is measured, other channels, the size of a pixel."""
    added: tuple[int, ...] = ()
    """Candidates that were added by hand."""
    classes: Classes | None = None
    """What tells the classes of the nuclei; None where the model knows none."""
    told: Told | None = None
    """What was told of the nuclei before some were dropped; of those added since, nothing."""
    dropped: int = 0
    """Nuclei that were dropped because of their class."""

    def without_dropped(self) -> ScoredImage:
        """The same without the nuclei that their class does not let pass."""
        limits = self.cut.class_min_iou, self.cut.class_min_area
        if self.classes is None or not (self.classes.classifier.background or any(limits)):
            return replace(self, told=None, dropped=0)
        split, told, dropped = self.classes.drop(self.split, self.image, *limits)
        return replace(self, split=split, told=told, dropped=len(dropped))

    def measure(self) -> pd.DataFrame:
        """Measure the nuclei chosen, and tell their classes."""
        split = self.split
        given = (split.labels, self.image, split.predicted_iou, split.threshold)
        regions = Regions.of(split.labels)
        table = measure(*given, **self.measuring, regions=regions)
        if self.classes is None:
            return table
        return self.classes.add(table, self._tell(self.classes, regions, table))

    def _tell(self, classes: Classes, regions: Regions, table: pd.DataFrame) -> Told:
        told = self.told
        if told is not None and len(told) == len(regions):
            return told
        every = classes.tell(regions, self.image, table)
        return every if told is None else told.and_rest_of(every)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The nuclei of one image."""

    labels: np.ndarray
    """(H, W) int32, 0 = background, 1..n = nuclei."""
    measured: pd.DataFrame | Callable[[], pd.DataFrame] = field(repr=False)
    """The table, or what makes it when it is first asked for."""
    predicted_map: float
    """Score of the image to expect in the competition metric, 0 to 1, before `min_iou` drops any
    nuclei; 0 where there are none."""
    maps: np.ndarray | None = None
    """(3, H, W) float32 in [0, 1]: body, border, separation; None unless asked for."""
    diameter: float | None = None
    """Typical diameter of the nuclei, pixels of the image; None where there are too few."""
    scale: float = 1.0
    """By which the image was enlarged before the network saw it."""
    scored: ScoredImage | None = field(default=None, repr=False)
    """What `alternatives`, `runner_up` and `reselect` look into; None unless kept."""
    dropped: int = 0
    """Nuclei that were dropped because of their class: outlines that are no nucleus, where the
    model has learnt these, and those below the limits of their class."""

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per nucleus, in the order of the labels; columns as in docs/formats.md."""
        return self.measured() if callable(self.measured) else self.measured

    @property
    def nuclei(self) -> int:
        """How many there are."""
        return int(self.labels.max(initial=0))

    @property
    def doubtful(self) -> bool:
        """Whether the image has likely failed: few hits predicted, or no nuclei at all."""
        return not self.nuclei or self.predicted_map < DOUBTFUL

    def alternatives(self, label: int, kinds: Sequence[str] = KINDS) -> list[Alternative]:
        """Say what a nucleus could have been instead: merged, split, tighter or wider.

        Parameters
        ----------
        label
            A number of `labels`.
        kinds
            Those wanted of ``merged``, ``split``, ``tighter`` and ``wider``.

        Returns
        -------
        list of stage2_trees.Alternative
            At most one of each kind, the closest to what was kept first, with its masks and its
            predicted IoU, which compares with that of the nucleus in `table`.

        Raises
        ------
        InputError
            There is no such label.
        ConfigError
            The candidates were not kept.
        """
        try:
            return alternatives_of(self.kept.split, label, self._opinions, kinds)
        except ValueError as error:
            raise InputError(str(error), hint="take a label of the table") from error

    def runner_up(self, kinds: Sequence[str] = ("merged", "split")) -> pd.DataFrame:
        """Name the closest alternative of every nucleus: where a second look pays most.

        Parameters
        ----------
        kinds
            Those to compare: of ``merged``, ``split``, ``tighter`` and ``wider``. An outline a
            pixel tighter or wider is almost always close, so they are left out by default.

        Returns
        -------
        DataFrame
            One row per nucleus, by label: ``label``, ``predicted_iou`` of the nucleus, ``kind`` of
            its closest alternative (missing where it has none of these kinds), ``other_iou``, the
            predicted IoU of that (the mean of its parts), and ``margin``, how far it lies behind
            in expected hits of the metric (infinite where there is none). Sort by ``margin``,
            smallest first, for a review.

        Raises
        ------
        ConfigError
            A kind is unknown, or the candidates were not kept.
        """
        split, opinions = self.kept.split, self._opinions
        try:
            closest = opinions.closest(kinds)
        except ValueError as error:
            raise ConfigError(str(error), hint="give names of kinds") from error
        rows = np.arange(split.chosen.size)
        names = np.array([*KINDS, None], object)
        return pd.DataFrame(
            {
                "label": rows + 1,
                "predicted_iou": split.predicted_iou,
                "kind": names[closest],
                "other_iou": np.where(closest < 0, np.nan, opinions.predicted_iou[rows, closest]),
                "margin": np.where(closest < 0, np.inf, opinions.margin[rows, closest]),
            }
        )

    def reselect(
        self,
        *,
        min_iou: float | None = None,
        min_area: int | None = None,
        split_bias: float | None = None,
        sensitivity: float | None = None,
        outline_bias: float | None = None,
        class_min_iou: Mapping[str, float] | None = None,
        class_min_area: Mapping[str, int] | None = None,
    ) -> Segmentation:
        """Choose the nuclei again, by other settings, without another pass of the network.

        Parameters
        ----------
        min_iou, min_area, split_bias, sensitivity, outline_bias, class_min_iou, class_min_area
            As for `Segmenter`; None keeps what was set.

        Returns
        -------
        Segmentation
            What segmenting the image with these settings gives, and the nuclei that `add_at` has
            added, where they overlap none of these. Its nuclei are measured when the table is
            first asked for: until then the image has to stay as it is.

        Raises
        ------
        ConfigError
            A value is out of range, or the candidates were not kept.
        """
        kept = self.kept
        cut = Cut.of(
            kept.cut,
            min_iou=min_iou,
            min_area=min_area,
            split_bias=split_bias,
            sensitivity=sensitivity,
            outline_bias=outline_bias,
            class_min_iou=class_min_iou,
            class_min_area=class_min_area,
        )
        check_class_limits(cut, kept.classes.classifier if kept.classes else None)
        split = choose(
            kept.split.forest,
            kept.split.scores,
            kept.regressor,
            min_iou=cut.min_iou,
            min_area=cut.min_area,
            selection=cut.apply_to(kept.config),
        )
        return self._with(replace(kept, split=split, cut=cut).without_dropped())

    def add_at(self, y: int, x: int) -> Segmentation:
        """Add the nucleus that is most likely at a pixel where none is drawn.

        Parameters
        ----------
        y, x
            Row and column of the pixel.

        Returns
        -------
        Segmentation
            With one nucleus more, which has the highest label; the others stay as they are. It is
            the candidate with the highest expected gain among those that hold the pixel and
            overlap no nucleus, however low its predicted IoU.

        Raises
        ------
        InputError
            The pixel lies outside the image or in a nucleus, or no candidate is free there.
        ConfigError
            The candidates were not kept.
        """
        kept = self.kept
        try:
            place = index(y), index(x)
        except TypeError as error:
            raise InputError(f"({y!r}, {x!r}) is no pixel", hint="give whole numbers") from error
        try:
            found = addition_at(kept.split, *place)
        except ValueError as error:
            raise InputError(
                str(error), hint="give a pixel inside a nucleus that was missed, or draw it by hand"
            ) from error
        return self._with(replace(kept, added=(*kept.added, *found.candidates.tolist())))

    def expand(self, expansion: str | float | Expansion) -> Cells:
        """Grow the nuclei into cells that do not overlap, and measure these.

        Parameters
        ----------
        expansion
            How far, in pixels, or a text such as ``"5um"`` where the size of a pixel was given.

        Returns
        -------
        Cells
            ``labels``, (H, W), in which a cell has the number of its nucleus, and ``table``: area
            and intensities of the cell and of its cytoplasm, see `nucleisplit.measure`.

        Raises
        ------
        ConfigError
            The expansion is impossible, or in um and the size of a pixel is not known; or the
            candidates, and with them the image, were not kept.
        """
        kept, size = self.kept, self.kept.measuring.get("pixel_size")
        cells = expand(self.labels, Expansion.of(expansion), size)
        return Cells(cells, measure_cells(cells, self.labels, kept.image, **kept.measuring))

    def to_spatialdata(self, channels: Sequence[str] = ()) -> SpatialData:
        """Return image, labels, outlines and table; see `nucleisplit.to_spatialdata`.

        `channels` are the names of the channels.

        Raises
        ------
        ConfigError
            spatialdata is not installed, or the image was not kept with the candidates.
        """
        size = self.kept.measuring.get("pixel_size")
        given = self.labels, self.table, self.kept.image
        return to_spatialdata(*given, pixel_size=size, channels=channels)

    def _with(self, scored: ScoredImage) -> Segmentation:
        """The same image with other nuclei, those added by hand among them."""
        missing = [i for i in scored.added if i not in scored.split.chosen]
        if missing:
            split = add_candidates(scored.split, scored.regressor, missing)
            scored = replace(scored, split=split)
        chosen = segmentation_of(scored, self.maps, at_once=False)
        return replace(chosen, diameter=self.diameter, scale=self.scale)

    @cached_property
    def _opinions(self) -> SecondOpinions:
        return second_opinions(self.kept.split)

    @property
    def kept(self) -> ScoredImage:
        """What `alternatives`, `runner_up` and `reselect` look into; `ConfigError` if not kept."""
        if self.scored is None:
            raise ConfigError(
                "this segmentation was made without its candidates",
                hint="segment with keep_candidates=True",
            )
        return self.scored


def segmentation_of(
    found: ScoredImage, maps: np.ndarray | None = None, keep: bool = True, at_once: bool = True
) -> Segmentation:
    """Measure the nuclei chosen in an image, at once or when asked for.

    `keep` says whether the candidates stay at hand.
    """
    split = found.split
    kept = found if keep else None
    measured = found.measure() if at_once else found.measure
    return Segmentation(
        split.labels, measured, split.predicted_map, maps, scored=kept, dropped=found.dropped
    )
