"""Sparse overlap table of two label images: intersections, unions and IoU of the pairs that touch.

Two label images with n and m instances have n x m pairs, of which only a few overlap at all. The
table lists just those, found in one pass over the pixels, so that its size and its cost follow the
image and never the product of the two counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST_LABEL = 2**26
"""Tables are indexed by label, so a label beyond this is refused rather than given gigabytes."""


@dataclass(frozen=True, eq=False)
class OverlapTable:
    """Pairs of instances that share at least one pixel, ordered by ``a_ids``, then ``b_ids``.

    Attributes
    ----------
    a_ids, b_ids : (n_pairs,) int64
        The labels of each pair; never 0, the background.
    intersection : (n_pairs,) int64
        Shared pixels of each pair, at least 1.
    area_a, area_b : (max_label + 1,) int64
        Pixels of every label, indexed by the label itself. Entry 0 counts the background; a label
        that does not occur has area 0.
    """

    a_ids: np.ndarray
    b_ids: np.ndarray
    intersection: np.ndarray
    area_a: np.ndarray
    area_b: np.ndarray

    @property
    def union(self) -> np.ndarray:
        """Pixels in either instance of each pair, (n_pairs,) int64."""
        return self.area_a[self.a_ids] + self.area_b[self.b_ids] - self.intersection

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union of each pair, (n_pairs,) float64 in (0, 1]."""
        return self.intersection / self.union

    @property
    def labels_a(self) -> np.ndarray:
        """The labels that occur in the first image, ascending, without the background."""
        return np.flatnonzero(self.area_a[1:]) + 1

    @property
    def labels_b(self) -> np.ndarray:
        """The labels that occur in the second image, ascending, without the background."""
        return np.flatnonzero(self.area_b[1:]) + 1


def overlap_table(a: np.ndarray, b: np.ndarray) -> OverlapTable:
    """Count the shared pixels of every pair of instances of two label images.

    Parameters
    ----------
    a, b : (H, W) integer or bool
        Label images of equal shape, 0 = background.

    Returns
    -------
    OverlapTable

    Raises
    ------
    ValueError
        If the shapes differ, a label is negative or above ``LARGEST_LABEL``, or an image does not
        hold integers.

    Examples
    --------
    >>> a = np.array([[1, 1, 0], [1, 1, 2]])
    >>> b = np.array([[5, 5, 0], [5, 0, 5]])
    >>> table = overlap_table(a, b)
    >>> list(zip(table.a_ids.tolist(), table.b_ids.tolist(), table.intersection.tolist()))
    [(1, 5, 3), (2, 5, 1)]
    >>> table.iou.tolist()
    [0.6, 0.25]
    """
    a, b = _checked(a, "a"), _checked(b, "b")
    if a.shape != b.shape:
        raise ValueError(
            f"label images must have one shape, got a {a.shape} and b {b.shape}; "
            "give the labels of the same image"
        )
    a, unique_a = _dense(a)
    b, unique_b = _dense(b)
    both = np.flatnonzero((a > 0) & (b > 0))
    key = a[both].astype(np.int64) * unique_b.size + b[both]
    cells = unique_a.size * unique_b.size
    if cells <= max(1 << 16, 4 * a.size):
        counts = np.bincount(key, minlength=1)
        pairs = np.flatnonzero(counts)
        intersection = counts[pairs]
    else:
        pairs, intersection = np.unique(key, return_counts=True)
    return OverlapTable(
        a_ids=unique_a[pairs // unique_b.size],
        b_ids=unique_b[pairs % unique_b.size],
        intersection=intersection.astype(np.int64),
        area_a=_areas(a, unique_a),
        area_b=_areas(b, unique_b),
    )


def best_iou(table: OverlapTable) -> tuple[np.ndarray, np.ndarray]:
    """Best IoU of every label of the first image with any label of the second.

    Returns
    -------
    iou : (max_label_a + 1,) float64
        Indexed by label; 0 where nothing overlaps (and for the background).
    partner : (max_label_a + 1,) int64
        The label of the second image that reaches it (the lowest of equals), 0 where none.

    Examples
    --------
    >>> iou, partner = best_iou(overlap_table(np.array([[1, 1, 2]]), np.array([[7, 8, 8]])))
    >>> iou.tolist(), partner.tolist()
    ([0.0, 0.5, 0.5], [0, 7, 8])
    """
    best = np.zeros(table.area_a.size)
    partner = np.zeros(table.area_a.size, np.int64)
    iou = table.iou
    order = np.lexsort((-table.b_ids, iou))
    best[table.a_ids[order]] = iou[order]
    partner[table.a_ids[order]] = table.b_ids[order]
    return best, partner


def _checked(labels: np.ndarray, name: str) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise ValueError(f"label image {name} must hold integers, got dtype {labels.dtype}")
    if labels.dtype.kind == "i" and labels.size and labels.min() < 0:
        raise ValueError(f"label image {name} holds a negative label, {labels.min()}")
    if labels.size and labels.max() > LARGEST_LABEL:
        raise ValueError(
            f"label image {name} holds label {labels.max()}, above {LARGEST_LABEL}; "
            "renumber it without gaps"
        )
    return labels.astype(np.int64, copy=False)


def _dense(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flatten and renumber without gaps; the second array gives the old label of each new one."""
    labels = labels.reshape(-1)
    used = np.zeros(int(labels.max(initial=0)) + 1, bool)
    used[labels] = True
    used[0] = True
    unique = np.flatnonzero(used)
    new = np.zeros(used.size, np.int64)
    new[unique] = np.arange(unique.size)
    return new[labels], unique


def _areas(dense: np.ndarray, unique: np.ndarray) -> np.ndarray:
    areas = np.zeros(int(unique[-1]) + 1, np.int64)
    areas[unique] = np.bincount(dense, minlength=unique.size)
    return areas
