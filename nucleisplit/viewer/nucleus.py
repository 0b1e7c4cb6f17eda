"""What is known of the nuclei of a session beside their pixels, and of what they could be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from nucleisplit.result import Segmentation

__all__ = [
    "ADDED",
    "PAINTED",
    "REMOVED",
    "SELECTED",
    "Box",
    "Choice",
    "Nucleus",
    "State",
    "Swap",
    "review_order",
    "tabulate",
]

SELECTED, PAINTED, ADDED = "selected", "painted", "added"
"""Where a nucleus comes from, beside the kinds of second opinion."""

REMOVED = "removed"
"""The way back from a nucleus that was added."""

Box = tuple[int, int, int, int]
"""First row and column, one past the last row and column."""


@dataclass(frozen=True)
class Nucleus:
    """What is known of a nucleus that is not as it was selected."""

    origin: str
    """A kind of second opinion, ``added`` or ``painted``."""
    predicted_iou: float = np.nan
    threshold: float = np.nan


@dataclass(frozen=True)
class Swap:
    """Nuclei that were replaced by their second opinion, or one added where nothing was."""

    kind: str
    replaced: tuple[int, ...]
    """Labels of the selection; of an added nucleus its own."""
    labels: tuple[int, ...]
    """Labels in their place."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What a nucleus, or a place without one, could be instead.

    Attributes
    ----------
    kind : str
        ``merged``, ``split``, ``tighter`` or ``wider``; ``selected`` for the way back. ``added``
        where nothing was; ``removed`` for the way back from that.
    replaced : tuple of int
        Labels of the selection that it stands for, the nucleus that was asked for first; none
        where nothing was, and the label of the added nucleus that is to be removed.
    nuclei : tuple of Nucleus
        One for each of its masks.
    masks : (h, w) int32 ndarray
        1 to k.
    corner : (int, int)
        First row and column of the masks in the image.
    margin : float
        How far it lies behind in expected hits of the metric.
    """

    kind: str
    replaced: tuple[int, ...]
    nuclei: tuple[Nucleus, ...]
    masks: np.ndarray
    corner: tuple[int, int]
    margin: float

    @property
    def predicted_iou(self) -> float:
        """The mean of its nuclei; NaN without any."""
        ious = [nucleus.predicted_iou for nucleus in self.nuclei]
        return float(np.mean(ious)) if ious else np.nan

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the masks lie in the image."""
        (top, left), (height, width) = self.corner, self.masks.shape
        return slice(top, top + height), slice(left, left + width)


@dataclass(frozen=True, eq=False)
class State:
    """What is known beside the pixels; it is replaced, never changed."""

    result: Segmentation
    others: Mapping[int, Nucleus] = field(default_factory=dict)
    """By label: the nuclei that are not as they were selected."""
    swaps: Mapping[int, Swap] = field(default_factory=dict)
    """By label: the swap that it came from."""
    classes: Mapping[int, str] = field(default_factory=dict)
    """By label: the class that was set by hand; empty for none."""

    def known(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Predicted IoU, threshold and origin of these labels."""
        split = self.result.kept.split
        inside = (labels >= 1) & (labels <= self.result.nuclei)
        rows = np.where(inside, labels - 1, 0)
        values = []
        for column in (split.predicted_iou, split.threshold):
            padded = column if len(column) else np.zeros(1)
            values.append(np.where(inside, padded[rows], np.nan).astype(float))
        origins = np.where(inside, SELECTED, PAINTED).tolist()
        for place in np.flatnonzero(np.isin(labels, list(self.others))).tolist():
            nucleus = self.others[int(labels[place])]
            values[0][place], values[1][place] = nucleus.predicted_iou, nucleus.threshold
            origins[place] = nucleus.origin
        return values[0], values[1], origins


def tabulate(labels: np.ndarray, state: State, image: np.ndarray) -> pd.DataFrame:
    """Measure the nuclei as they are, with what is known of them.

    Returns
    -------
    DataFrame
        As `Segmentation.table`, one row per label, with the classes that were set by hand, and the
        columns ``origin`` (``selected``, the
        kind of a second opinion, ``added`` or ``painted``), ``second_opinion``, ``other_iou`` and
        ``margin``, as `Segmentation.runner_up` tells them of nuclei that are as selected.
    """
    from nucleisplit.measure import Regions, measure

    if not state.others and np.array_equal(labels, state.result.labels):
        table = state.result.table.copy()
        origins = [SELECTED] * len(table)
    else:
        kept = state.result.kept
        table = measure(labels, image, **kept.measuring)
        if kept.classes is not None:
            table = kept.classes.add(table, kept.classes.tell(Regions.of(labels), image))
            _keep_told(table, state)
        numbers = table["label"].to_numpy()
        table["predicted_iou"], table["threshold"], origins = state.known(numbers)
    table = _with_set(table, state.classes)
    closest = state.result.runner_up().set_index("label")
    closest = closest[["kind", "other_iou", "margin"]].reindex(table["label"])
    table["origin"] = origins
    as_selected = (table["origin"] == SELECTED).to_numpy()
    for name, column in zip(("second_opinion", "other_iou", "margin"), closest, strict=True):
        table[name] = closest[column].where(as_selected).to_numpy()
    return table


def _keep_told(table: pd.DataFrame, state: State) -> None:
    """Nuclei that are as selected keep their class, whatever was changed around them; in place."""
    before = state.result.table.set_index("label")
    same = table["label"].isin(before.index) & ~table["label"].isin(list(state.others))
    numbers = table.loc[same, "label"]
    for name in ("class", "class_probability"):
        table.loc[same, name] = before.loc[numbers, name].to_numpy()


def _with_set(table: pd.DataFrame, classes: Mapping[int, str]) -> pd.DataFrame:
    """The table with the classes that were set by hand, whose probability is not known."""
    import pandas as pd

    if not classes:
        return table
    told = table["class"].astype(object) if "class" in table else pd.Series(None, table.index)
    mine = table["label"].isin(list(classes)).to_numpy()
    told = told.astype(object).where(~mine, table["label"].map(classes).replace("", None))
    names = table["class"].cat.categories if "class" in table else ()
    every = dict.fromkeys([*names, *(name for name in classes.values() if name)])
    table = table.assign(**{"class": pd.Categorical(told, list(every))})
    if "class_probability" in table:
        table.loc[mine, "class_probability"] = np.nan
    return table


def review_order(table: pd.DataFrame) -> list[int]:
    """Labels as selected, the most doubtful first, see `nucleisplit.review.doubtful_first`."""
    from nucleisplit.review import doubtful_first

    rows = table[table["origin"] == SELECTED]
    margin = rows["margin"].fillna(np.inf).to_numpy()
    return (
        rows["label"].to_numpy()[doubtful_first(rows["predicted_iou"].to_numpy(), margin)].tolist()
    )
