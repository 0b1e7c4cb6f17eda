"""Where the distance to the oracle lies: in the choice of nuclei, of outlines, or in small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stage2_trees import (
    ImageRows,
    best_iou,
    hits,
    overlap_table,
)

AREAS = (0, 100, 400, 1600)
"""Lower ends of the classes of true nuclei by area, square pixels."""

_WRONG = 0.5
"""A nucleus kept with a lower true IoU is never a hit."""


def find_headroom(
    rows: Sequence[ImageRows],
    chosen: Sequence[np.ndarray],
    perfect: Sequence[np.ndarray],
    found: Mapping[str, Sequence[np.ndarray]],
) -> dict:
    """Say what each kind of error of the selection costs.

    Parameters
    ----------
    rows : sequence of ImageRows
    chosen, perfect : sequence of (m,) integer
        The candidates selected out of fold, and by the true IoU.
    found : mapping
        ``trees`` and ``oracle``: `area_and_hits` of each image for these two choices.

    Returns
    -------
    dict
        ``what_if``: mAP, mean over images, as selected out of fold (``selected``); if each nucleus
        kept had its best outlines (``best_extent``), if those that hit nothing were left out, too
        (``and_no_wrong``), and if the best set were selected (``oracle``). ``by_area``: per class
        of true nuclei their number and the mean share of the ten thresholds that their best
        match exceeds, as selected and of the oracle.
    """
    best = [_best_extents(row, own) for row, own in zip(rows, chosen, strict=True)]
    right = [b[row.iou[b] > _WRONG] for row, b in zip(rows, best, strict=True)]
    sets = {
        "selected": chosen,
        "best_extent": best,
        "and_no_wrong": right,
        "oracle": perfect,
    }
    hits = {
        "selected": np.concatenate(found["trees"]),
        "oracle": np.concatenate(found["oracle"]),
    }
    areas = hits["selected"][:, 0]
    classes = np.searchsorted(AREAS, areas, side="right") - 1
    return {
        "what_if": {
            name: float(np.mean([r.score(c) for r, c in zip(rows, each, strict=True)]))
            for name, each in sets.items()
        },
        "by_area": [
            {
                "from": low,
                "nuclei": int((classes == index).sum()),
                **{
                    name: float(values[classes == index, 1].mean()) for name, values in hits.items()
                },
            }
            for index, low in enumerate(AREAS)
            if (classes == index).any()
        ],
    }


def _best_extents(row: ImageRows, chosen: np.ndarray) -> np.ndarray:
    """Exchange each candidate for the one of its node with the highest true IoU."""
    node = row.candidates.node
    order = np.lexsort((-row.iou, node))
    nodes, first = np.unique(node[order], return_index=True)
    return order[first][np.searchsorted(nodes, node[chosen])]


def area_and_hits(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Area of each true nucleus of an image, and the share of the thresholds it is hit at.

    Returns
    -------
    (n_true, 2) float64
    """
    table = overlap_table(truth, labels)
    iou, _ = best_iou(table)
    present = np.flatnonzero(table.area_a[1:]) + 1
    return np.stack([table.area_a[present], hits(iou[present]).mean(axis=1)], axis=1)
