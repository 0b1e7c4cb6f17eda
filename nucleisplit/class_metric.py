"""Scores of nuclei that are found and told apart by class, as HoVer-Net, PanNuke and CoNIC do it.

A nucleus found and a true one are a pair when their IoU is above 0.5; the classes do not matter for
that. (HoVer-Net's own program pairs by the distance of the centres.) Of the class c

- ``TP`` are the pairs that are c in both; ``FN_c`` and ``FP_c`` those that are c only in the truth,
  or only as found (``FN_c`` also those found without a class); ``missed`` and ``spurious`` the
  nuclei of c without a pair;
- ``F1 = 2 TP / (2 TP + FP_c + FN_c + missed + spurious)``, with the precision and recall to it;
- ``F_type = 2 TP / (2 TP + 2 FP_c + 2 FN_c + missed + spurious)``, HoVer-Net's F_c of a type;
- ``PQ = 2 * (sum of the IoU of TP) / (true + found)``.

For all nuclei, whatever their class: ``F_d = 2 pairs / (true + found)``, HoVer-Net's F of
detection. Of the true classes, ``mPQ`` is PanNuke's: the mean over images of the mean PQ of the
classes that the image has; ``mPQ+`` CoNIC's: the mean PQ of the classes, each from the counts of
all images.

True nuclei without a class, and what is paired with them, count for F_d alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stage2_trees import overlap_table

__all__ = ["ClassImage", "ClassSummary", "compare_classes", "summarize_classes"]


@dataclass(frozen=True, eq=False)
class ClassImage:
    """What one image contributes, or several: counts, by number of the class from 0."""

    image_id: str
    confusion: np.ndarray
    """(C, C) pairs by class in the truth (rows) and as found (columns)."""
    missed: np.ndarray
    """(C,) true nuclei that are found by none."""
    spurious: np.ndarray
    """(C,) nuclei found where no true one is."""
    unnamed: np.ndarray
    """(C,) true nuclei that are found, but without a class."""
    iou_sum: np.ndarray
    """(C,) sum of the IoU of the pairs of equal class."""
    detection: np.ndarray
    """Numbers of true nuclei, nuclei found, and pairs, with a class or without."""

    @property
    def true(self) -> np.ndarray:
        """True nuclei of each class."""
        return self.confusion.sum(axis=1) + self.unnamed + self.missed

    @property
    def found(self) -> np.ndarray:
        """Nuclei found of each class."""
        return self.confusion.sum(axis=0) + self.spurious

    @property
    def pq(self) -> np.ndarray:
        """PQ of each class; NaN where the truth has none."""
        return np.where(self.true > 0, _shares(2 * self.iou_sum, self.true + self.found), np.nan)


def compare_classes(
    found: np.ndarray,
    truth: np.ndarray,
    found_classes: Mapping[int, str],
    true_classes: Mapping[int, str],
    classes: Sequence[str],
    image_id: str = "",
) -> ClassImage:
    """Compare the nuclei found in an image with the true ones, class by class.

    Parameters
    ----------
    found, truth : (H, W) integer ndarray
        Label images of equal shape, 0 = background.
    found_classes, true_classes : mapping
        Label to class, of the nuclei that have one.
    classes : sequence of str
        All that occur.
    image_id : str
        Carried along.

    Raises
    ------
    ValueError
        Shapes differ, or an array holds no labels.

    Examples
    --------
    >>> truth, found = np.array([[1, 1, 0, 2, 0, 0]]), np.array([[7, 7, 0, 8, 0, 9]])
    >>> one = compare_classes(found, truth, {7: "a", 8: "a", 9: "b"}, {1: "a", 2: "b"}, ["a", "b"])
    >>> one.confusion.tolist(), one.missed.tolist(), one.spurious.tolist()
    ([[1, 0], [1, 0]], [0, 0], [0, 1])
    """
    table = overlap_table(found, truth)
    match = 2 * table.intersection > table.union
    numbers = {name: number for number, name in enumerate(classes)}
    size = len(classes)

    def by_label(named: Mapping[int, str], labels: np.ndarray) -> np.ndarray:
        """Number of the class of each label, the number of classes for none."""
        known = np.full(int(labels.max(initial=0)) + 1, size)
        for label in labels.tolist():
            known[label] = numbers.get(named.get(label, ""), size)
        return known

    a, b = by_label(found_classes, table.labels_a), by_label(true_classes, table.labels_b)
    pairs_a, pairs_b = table.a_ids[match], table.b_ids[match]
    counts = np.zeros((size + 1, size + 1), int)
    np.add.at(counts, (b[pairs_b], a[pairs_a]), 1)
    same = b[pairs_b] == a[pairs_a]
    iou = table.intersection[match] / table.union[match]
    alone_a, alone_b = np.setdiff1d(table.labels_a, pairs_a), np.setdiff1d(table.labels_b, pairs_b)
    return ClassImage(
        image_id,
        counts[:-1, :-1],
        np.bincount(b[alone_b], minlength=size + 1)[:-1],
        np.bincount(a[alone_a], minlength=size + 1)[:-1],
        counts[:-1, -1],
        np.bincount(b[pairs_b][same], iou[same], size + 1)[:-1],
        np.array([table.labels_b.size, table.labels_a.size, pairs_a.size]),
    )


@dataclass(frozen=True, eq=False)
class ClassSummary:
    """Scores of several images, by class; definitions are at the top of the module."""

    classes: tuple[str, ...]
    images: tuple[ClassImage, ...]
    total: ClassImage
    """Counts of all images."""

    @property
    def precision(self) -> np.ndarray:
        """Of the nuclei found of each class, the share that are one; 0 where there are none."""
        return _shares(self.total.confusion.diagonal(), self.total.found)

    @property
    def recall(self) -> np.ndarray:
        """Of the true nuclei of each class, the share that are found as such; 0 where none are."""
        return _shares(self.total.confusion.diagonal(), self.total.true)

    @property
    def f1(self) -> np.ndarray:
        """Harmonic mean of precision and recall of each class."""
        t = self.total
        return _shares(2 * t.confusion.diagonal(), t.true + t.found)

    @property
    def f_type(self) -> np.ndarray:
        """F_c of each type, as HoVer-Net defines it: a wrong class weighs twice."""
        t = self.total
        hits = t.confusion.diagonal()
        wrong = t.confusion.sum(axis=0) + t.confusion.sum(axis=1) - 2 * hits
        return _shares(2 * hits, 2 * (hits + wrong + t.unnamed) + t.missed + t.spurious)

    @property
    def pq(self) -> np.ndarray:
        """PQ of each class, of the counts of all images; 0 where there is nothing."""
        return np.nan_to_num(self.total.pq)

    @property
    def f_detection(self) -> float:
        """F_d of HoVer-Net."""
        true, found, pairs = self.total.detection.tolist()
        return float(_shares(np.array(2 * pairs), np.array(true + found)))

    @property
    def accuracy(self) -> float:
        """Of the pairs that have two classes, the share with the same."""
        counts = self.total.confusion
        return float(_shares(counts.trace(), counts.sum()))

    @property
    def mpq(self) -> float:
        """PanNuke's mPQ, all images taken as one tissue; 0 where none has true nuclei."""
        of_images = [each.pq[each.true > 0].mean() for each in self.images if each.true.any()]
        return float(np.mean(of_images)) if of_images else 0.0

    @property
    def mpq_plus(self) -> float:
        """CoNIC's mPQ+."""
        return self._mean(self.pq)

    @property
    def macro_f1(self) -> float:
        """Mean of `f1` over the classes of the truth."""
        return self._mean(self.f1)

    def _mean(self, values: np.ndarray) -> float:
        """Mean over the classes of the truth."""
        return float(values[self.total.true > 0].mean()) if self.total.true.any() else 0.0

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types; the lists are by class."""
        t = self.total
        return {
            "images": len(self.images),
            "classes": list(self.classes),
            "true": t.true.tolist(),
            "found": t.found.tolist(),
            "confusion": t.confusion.tolist(),
            "missed": t.missed.tolist(),
            "spurious": t.spurious.tolist(),
            "unnamed": t.unnamed.tolist(),
            "precision": self.precision.tolist(),
            "recall": self.recall.tolist(),
            "f1": self.f1.tolist(),
            "f_type": self.f_type.tolist(),
            "pq": self.pq.tolist(),
            "f_detection": self.f_detection,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "mpq": self.mpq,
            "mpq_plus": self.mpq_plus,
        }


def summarize_classes(images: Sequence[ClassImage], classes: Sequence[str]) -> ClassSummary:
    """Sum up the counts of several images, one at least."""
    fields = ("confusion", "missed", "spurious", "unnamed", "iou_sum", "detection")
    sums = {name: np.sum([getattr(each, name) for each in images], axis=0) for name in fields}
    return ClassSummary(tuple(classes), tuple(images), ClassImage("", **sums))


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide; 0 where there is nothing to divide by."""
    return np.asarray(part) / np.maximum(whole, 1)
