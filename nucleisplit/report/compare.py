"""Nuclei against the truth: what was missed, merged, split, or found where nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nucleisplit.class_metric import ClassImage, ClassSummary, compare_classes, summarize_classes
from nucleisplit.datasets import ImageClasses
from nucleisplit.metric import ImageScore, score_image
from stage2_trees import OverlapTable, best_iou, overlap_table

__all__ = ["FAULTS", "ClassComparison", "Comparison", "Fault", "compare"]

FAULTS = ("missed", "merged", "split", "spurious")
"""Kinds of fault: a true nucleus that nothing found matches; several under one outline; one under
several outlines; an outline that lies mostly on background."""

_PIECE = 0.1
"""The smallest piece that makes a split, as a part of the true nucleus."""
_SPURIOUS = 0.25
"""Less of an outline than this lies on true nuclei."""


@dataclass(frozen=True)
class Fault:
    """One fault of an image."""

    kind: str
    """One of `FAULTS`."""
    found: tuple[int, ...]
    """Labels found that take part."""
    true: tuple[int, ...]
    """Labels of the truth that take part."""
    size: float
    """Area that came out wrong, as a multiple of the median true nucleus of the image."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """One image and its truth."""

    score: ImageScore
    iou: np.ndarray
    """(n,) IoU of each nucleus found, by ascending label, with the best of the truth."""
    faults: tuple[Fault, ...]
    """The largest first."""


def compare(found: np.ndarray, truth: np.ndarray, image_id: str = "") -> Comparison:
    """Compare the nuclei found in an image with the true ones.

    Parameters
    ----------
    found, truth : (H, W) integer ndarray
        Label images of equal shape, 0 = background.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        Shapes differ, or an array holds no labels.

    Examples
    --------
    >>> truth = np.array([[1, 1, 1, 0, 2, 2, 2, 2]])
    >>> found = np.array([[1, 1, 1, 1, 1, 1, 1, 1]])
    >>> fault = compare(found, truth).faults[0]
    >>> fault.kind, fault.found, fault.true
    ('merged', (1,), (1, 2))
    """
    score = score_image(found, truth, image_id)
    table = overlap_table(found, truth)
    iou = best_iou(table)[0][table.labels_a]
    faults = sorted(_faults(table), key=lambda fault: -fault.size)
    return Comparison(score, iou, tuple(faults))


def _faults(table: OverlapTable) -> list[Fault]:
    a, b, shared = table.a_ids, table.b_ids, table.intersection
    area_a, area_b = table.area_a, table.area_b
    true, found = table.labels_b, table.labels_a
    areas = area_b[true] if true.size else area_a[found]
    unit = float(np.median(areas)) if areas.size else 1.0
    hit = 2 * shared > table.union
    matched_true, matched_found = set(b[hit].tolist()), set(a[hit].tolist())
    covers = 2 * shared > area_b[b]
    within = (2 * shared > area_a[a]) & (shared >= _PIECE * area_b[b])
    faults, told_true, told_found = [], set(), set()
    for label, others in _shared_by_several(a[covers], b[covers]):
        if set(others) - matched_true:
            wrong = area_b[list(others)].sum() - area_b[list(others)].max()
            faults.append(Fault("merged", (label,), others, wrong / unit))
            told_true |= set(others)
            told_found.add(label)
    for label, pieces in _shared_by_several(b[within], a[within]):
        wrong = area_b[label] - shared[within & (b == label)].max()
        faults.append(Fault("split", pieces, (label,), wrong / unit))
        told_true.add(label)
        told_found |= set(pieces)
    best, partner = _best_of_truth(table)
    for label in true.tolist():
        if label not in matched_true | told_true:
            seen = (int(partner[label]),) if partner[label] else ()
            wrong = area_b[label] * (1 - best[label])
            faults.append(Fault("missed", seen, (label,), wrong / unit))
    on_truth = np.bincount(a, shared, minlength=area_a.size)
    for label in found.tolist():
        if label in matched_found | told_found or on_truth[label] >= _SPURIOUS * area_a[label]:
            continue
        faults.append(Fault("spurious", (label,), (), area_a[label] / unit))
    return faults


def _shared_by_several(owner: np.ndarray, member: np.ndarray):
    """Yield each owner of two or more members, with these."""
    order = np.lexsort((member, owner))
    owner, member = owner[order], member[order]
    labels, starts, counts = np.unique(owner, return_index=True, return_counts=True)
    for label, start, count in zip(labels.tolist(), starts, counts, strict=True):
        if count > 1:
            yield label, tuple(member[start : start + count].tolist())


def _best_of_truth(table: OverlapTable) -> tuple[np.ndarray, np.ndarray]:
    turned = OverlapTable(table.b_ids, table.a_ids, table.intersection, table.area_b, table.area_a)
    return best_iou(turned)


class ClassComparison:
    """Compares the classes of a run with those of the truth, image by image.

    Parameters
    ----------
    found : set of str
        The classes of the run.
    truth : mapping
        Image id to its true classes.
    """

    def __init__(self, found: set[str], truth: Mapping[str, ImageClasses]) -> None:
        true = sorted({name for each in truth.values() for name in each.names()})
        self.classes = list(dict.fromkeys([*true, *sorted(found)])) if true and found else []
        self.truth = truth
        self.images: list[ClassImage] = []

    def add(
        self, image_id: str, found: np.ndarray, truth: np.ndarray, classes: Mapping[int, str]
    ) -> None:
        """Take the label images of an image, and the classes found; left out without true ones."""
        told = self.truth.get(image_id)
        if self.classes and (told or not truth.any()):
            true = told.of(truth) if told else {}
            self.images.append(compare_classes(found, truth, classes, true, self.classes))

    def summary(self) -> ClassSummary | None:
        """Return the scores of all; None where one of the two has no classes."""
        return summarize_classes(self.images, self.classes) if self.images else None
