"""What the nuclei of a selection could be instead, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.viewer.nuclei import SELECTED, Box, Choice, Nucleus, State, Swap

if TYPE_CHECKING:
    from nucleisplit.segmentation import Segmentation

__all__ = ["box_of", "second_opinions", "way_back"]


def second_opinions(result: Segmentation, label: int) -> list[Choice]:
    """List what a nucleus could be instead, the closest first; nothing for an unknown label."""
    if not 1 <= label <= result.nuclei:
        return []
    split = result.source.split
    thresholds = split.forest.candidates.threshold
    return [
        Choice(
            other.kind,
            (label, *other.partners),
            tuple(
                Nucleus(other.kind, float(split.candidate_iou[i]), float(thresholds[i]))
                for i in other.candidates.tolist()
            ),
            other.labels,
            other.corner,
            other.margin,
        )
        for other in result.alternatives(label)
    ]


def way_back(result: Segmentation, swap: Swap) -> Choice:
    """The nuclei of the selection in place of what they were swapped for."""
    top, left, bottom, right = box_of(np.isin(result.labels, swap.replaced))
    part = result.labels[top:bottom, left:right]
    masks = np.zeros(part.shape, np.int32)
    for number, label in enumerate(swap.replaced, start=1):
        masks[part == label] = number
    iou, threshold, _ = State(result).known(np.array(swap.replaced))
    known = zip(iou.tolist(), threshold.tolist(), strict=True)
    nuclei = tuple(Nucleus(SELECTED, *values) for values in known)
    return Choice(SELECTED, swap.replaced, nuclei, masks, (top, left), 0.0)


def box_of(mask: np.ndarray) -> Box | None:
    """The box around what is true; None where nothing is."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
