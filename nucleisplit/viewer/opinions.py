"""What the nuclei of a selection could be instead, what could be added, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.viewer.nucleus import REMOVED, SELECTED, Box, Choice, Nucleus, State, Swap

if TYPE_CHECKING:
    from nucleisplit.result import Segmentation
    from stage2_trees import Alternative

__all__ = ["addition", "box_of", "choices_of", "removal", "way_back"]


def choices_of(result: Segmentation, label: int) -> list[Choice]:
    """List what a nucleus could be instead, the closest first; nothing for an unknown label."""
    if not 1 <= label <= result.nuclei:
        return []
    others = result.alternatives(label)
    return [_choice(result, other, (label, *other.partners)) for other in others]


def addition(result: Segmentation, labels: np.ndarray, row: int, column: int) -> Choice:
    """The most likely nucleus at a pixel where nothing is drawn, beside what is.

    Raises
    ------
    InputError
        There is none, or something is drawn there.
    """
    from stage2_trees import addition_at

    try:
        found = addition_at(result.kept.split, row, column, labels)
    except ValueError as error:
        raise InputError(str(error), "paint the nucleus by hand") from error
    return _choice(result, found, ())


def removal(label: int, box: Box) -> Choice:
    """Nothing in the place of a nucleus that was added."""
    masks = np.zeros((box[2] - box[0], box[3] - box[1]), np.int32)
    return Choice(REMOVED, (label,), (), masks, box[:2], 0.0)


def way_back(result: Segmentation, swap: Swap) -> Choice:
    """The nuclei of the selection in place of what they were swapped for."""
    box = box_of(np.isin(result.labels, swap.replaced))
    if box is None:
        raise ValueError(f"{swap.replaced} are no labels of the selection")
    top, left, bottom, right = box
    part = result.labels[top:bottom, left:right]
    masks = np.zeros(part.shape, np.int32)
    for number, label in enumerate(swap.replaced, start=1):
        masks[part == label] = number
    iou, threshold, _ = State(result).known(np.array(swap.replaced))
    known = zip(iou.tolist(), threshold.tolist(), strict=True)
    nuclei = tuple(Nucleus(SELECTED, *values) for values in known)
    return Choice(SELECTED, swap.replaced, nuclei, masks, (top, left), 0.0)


def _choice(result: Segmentation, other: Alternative, replaced: tuple[int, ...]) -> Choice:
    split = result.kept.split
    thresholds = split.forest.candidates.threshold
    nuclei = tuple(
        Nucleus(other.kind, float(split.candidate_iou[i]), float(thresholds[i]))
        for i in other.candidates.tolist()
    )
    return Choice(other.kind, replaced, nuclei, other.labels, other.corner, other.margin)


def box_of(mask: np.ndarray) -> Box | None:
    """The box around what is true; None where nothing is."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
