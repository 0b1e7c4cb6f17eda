"""The review queue: the nuclei of a whole batch that are worth a second look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nucleisplit.review import Doubt, doubtful_first

from .batch_folder import Entry

__all__ = ["Place", "choose_queue"]


@dataclass(frozen=True)
class Place:
    """One nucleus of the queue."""

    image: int
    """Position of its image."""
    rank: int
    """Place in the queue, from 1."""
    doubt: Doubt
    area: int
    touches_edge: bool
    box: tuple[int, int, int, int]
    """First row and column, one past the last row and column."""
    class_name: str = ""
    """Empty where the model knows no classes."""
    class_probability: float = 0.0


def choose_queue(entries: Sequence[Entry], limit: int) -> list[Place]:
    """Take the nuclei with the lowest predicted IoU, the closest second opinions and the least
    probable classes, by turns.

    Where ``infer`` left no second opinions of an image, its predicted IoU alone counts. Nuclei that
    could be merged with one another make one place.

    Raises
    ------
    InputError
        A review file cannot be read.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    doubts: dict[tuple[int, int], Doubt] = {}
    for number, entry in enumerate(entries):
        known = entry.doubts()
        doubts.update({(number, label): doubt for label, doubt in known.items()})
        own = entry.table["label"].to_numpy(np.int64)
        far = np.full(len(own), np.inf)
        for row in np.flatnonzero(np.isin(own, list(known))):
            far[row] = known[int(own[row])].closeness
        iou = entry.table["predicted_iou"].to_numpy(float)
        sure = np.ones(len(own))
        if "class_probability" in entry.table:
            sure = entry.table["class_probability"].fillna(1.0).to_numpy(float)
        parts.append((np.full(len(own), number), np.arange(len(own)), own, iou, far, sure))
    if not parts:
        return []
    images, rows, labels, iou, margins, sure = map(np.concatenate, zip(*parts, strict=True))
    queue: list[Place] = []
    seen: set[tuple[int, frozenset[int]]] = set()
    for at in doubtful_first(iou, margins, sure).tolist():
        if len(queue) >= limit:
            break
        number, label = int(images[at]), int(labels[at])
        row = entries[number].table.iloc[int(rows[at])]
        doubt = doubts.get((number, label), Doubt(label, float(iou[at])))
        together = (number, frozenset((label, *doubt.partners)))
        if doubt.kind == "merged" and together in seen:
            continue
        seen.add(together)
        top, left, bottom, right = (int(row[f"bbox-{i}"]) for i in range(4))
        box = top, left, bottom, right
        place = Place(
            number, len(queue) + 1, doubt, int(row["area"]), bool(row["touches_edge"]), box
        )
        if isinstance(row.get("class"), str):
            told = {"class_name": row["class"], "class_probability": row["class_probability"]}
            place = replace(place, **told)
        queue.append(place)
    return queue
