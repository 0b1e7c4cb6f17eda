"""The score of the Data Science Bowl 2018, and the usual ones beside it.

An instance of the prediction matches a true one when their IoU is **strictly** above a threshold.
All thresholds, 0.50, 0.55, ..., 0.95, are at least one half, so that no instance has two matches
and none has to be assigned. Comparisons are made in integers, ``20 * intersection > k * union``
with k = 10..19, because floating point holds 0.65 as a little more than it is.

Papers differ in how they average; here the names say it. ``ap`` is the mean over images of
TP / (TP + FP + FN) of each image (the competition's way), ``ap_pooled`` the same ratio of counts
summed over all images, in which crowded images weigh more. An image without nuclei, predicted or
true, scores 1 in every measure; where only one of the two is empty, 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import fsum

import numpy as np

from stage2_trees import overlap_table

__all__ = [
    "THRESHOLDS",
    "ClassScores",
    "ImageScore",
    "Summary",
    "reliability",
    "score_classes",
    "score_image",
    "summarize",
    "summarize_groups",
]

_TWENTIETHS = tuple(range(10, 20))
THRESHOLDS = tuple(k / 20 for k in _TWENTIETHS)
"""The ten IoU thresholds, 0.5 to 0.95."""


@dataclass(frozen=True)
class ImageScore:
    """What one image contributes: counts only, so that scores of many images can be pooled.

    Attributes
    ----------
    image_id : str
    true_count, predicted_count : int
        Instances.
    hits : tuple of 10 int
        Matches (true positives) at each of `THRESHOLDS`.
    iou_sum : float
        Sum of the IoU of the matches at 0.5.
    true_area, predicted_area, shared_area : int
        Foreground pixels, and those of both.
    """

    image_id: str
    true_count: int
    predicted_count: int
    hits: tuple[int, ...]
    iou_sum: float
    true_area: int
    predicted_area: int
    shared_area: int

    @property
    def ap(self) -> tuple[float, ...]:
        """TP / (TP + FP + FN) at each of `THRESHOLDS`."""
        return tuple(_ratio(hit, self.true_count + self.predicted_count - hit) for hit in self.hits)

    @property
    def map(self) -> float:
        """The competition's score of this image: the mean of `ap`."""
        return fsum(self.ap) / len(THRESHOLDS)

    @property
    def dice(self) -> float:
        """Dice coefficient of the foreground: 2 x shared / (true + predicted) pixels."""
        return _ratio(2 * self.shared_area, self.true_area + self.predicted_area)


@dataclass(frozen=True)
class Summary:
    """Scores of a set of images.

    Attributes
    ----------
    images, true_count, predicted_count : int
    map : float
        The competition's score: mean over images of the mean over thresholds.
    ap : tuple of 10 float
        At each of `THRESHOLDS`, the mean over images.
    map_pooled, ap_pooled : float, tuple of 10 float
        The same from counts pooled over all instances.
    precision, recall, f1 : float
        At IoU 0.5, pooled over all instances.
    segmentation_quality : float
        Mean IoU of the matches at 0.5.
    panoptic_quality : float
        ``f1 * segmentation_quality``, pooled over all instances.
    dice : float
        Foreground Dice coefficient, mean over images.
    dice_pooled : float
        The same over all pixels.
    """

    images: int
    true_count: int
    predicted_count: int
    map: float
    ap: tuple[float, ...]
    map_pooled: float
    ap_pooled: tuple[float, ...]
    precision: float
    recall: float
    f1: float
    segmentation_quality: float
    panoptic_quality: float
    dice: float
    dice_pooled: float

    def as_dict(self) -> dict:
        """Return plain numbers for JSON, thresholds as keys: ``{"ap": {"0.50": ..., ...}}``."""
        content = asdict(self)
        for name in ("ap", "ap_pooled"):
            content[name] = {
                f"{t:.2f}": value for t, value in zip(THRESHOLDS, content[name], strict=True)
            }
        return content


def score_image(predicted: np.ndarray, truth: np.ndarray, image_id: str = "") -> ImageScore:
    """Compare the predicted instances of one image with the true ones.

    Parameters
    ----------
    predicted, truth : (H, W) integer ndarray
        Label images of equal shape, 0 = background; numbers need not match nor be consecutive.
    image_id : str
        Carried along.

    Returns
    -------
    ImageScore

    Raises
    ------
    ValueError
        Shapes differ, or an array holds no labels.

    Examples
    --------
    >>> truth = np.array([[1, 1, 1, 1, 0, 2, 2]])
    >>> predicted = np.array([[9, 9, 9, 0, 0, 5, 5]])  # IoU 0.75, which is not above 0.75, and 1
    >>> score = score_image(predicted, truth)
    >>> score.hits
    (2, 2, 2, 2, 2, 1, 1, 1, 1, 1)
    >>> round(score.map, 3)
    0.667
    """
    table = overlap_table(predicted, truth)
    intersection, union = table.intersection, table.union
    hits = tuple(int(np.count_nonzero(20 * intersection > k * union)) for k in _TWENTIETHS)
    matched = 2 * intersection > union
    return ImageScore(
        image_id=image_id,
        true_count=int(np.count_nonzero(table.area_b[1:])),
        predicted_count=int(np.count_nonzero(table.area_a[1:])),
        hits=hits,
        iou_sum=fsum((intersection[matched] / union[matched]).tolist()),
        true_area=int(table.area_b[1:].sum()),
        predicted_area=int(table.area_a[1:].sum()),
        shared_area=int(intersection.sum()),
    )


def summarize(scores: Iterable[ImageScore]) -> Summary:
    """Average and pool the scores of several images.

    Raises
    ------
    ValueError
        There are none.
    """
    scores = list(scores)
    if not scores:
        raise ValueError("no images to summarize")
    images = len(scores)
    true = sum(s.true_count for s in scores)
    predicted = sum(s.predicted_count for s in scores)
    hits = [sum(column) for column in zip(*(s.hits for s in scores), strict=True)]
    ap_pooled = tuple(_ratio(hit, true + predicted - hit) for hit in hits)
    ap = tuple(fsum(column) / images for column in zip(*(s.ap for s in scores), strict=True))
    iou_sum = fsum(s.iou_sum for s in scores)
    empty = true + predicted == 0
    return Summary(
        images=images,
        true_count=true,
        predicted_count=predicted,
        map=fsum(s.map for s in scores) / images,
        ap=ap,
        map_pooled=fsum(ap_pooled) / len(THRESHOLDS),
        ap_pooled=ap_pooled,
        precision=1.0 if empty else _ratio(hits[0], predicted, of_nothing=0.0),
        recall=1.0 if empty else _ratio(hits[0], true, of_nothing=0.0),
        f1=_ratio(2 * hits[0], true + predicted),
        segmentation_quality=1.0 if empty else _ratio(iou_sum, hits[0], of_nothing=0.0),
        panoptic_quality=_ratio(2 * iou_sum, true + predicted),
        dice=fsum(s.dice for s in scores) / images,
        dice_pooled=_ratio(
            2 * sum(s.shared_area for s in scores),
            sum(s.true_area + s.predicted_area for s in scores),
        ),
    )


def summarize_groups(scores: Iterable[ImageScore], groups: Mapping[str, str]) -> dict[str, Summary]:
    """Summarize the images of every group apart.

    Parameters
    ----------
    scores : iterable of ImageScore
    groups : mapping
        image id -> name of its group; every image of `scores` must occur.

    Returns
    -------
    dict of str to Summary
        By name of the group, sorted.

    Raises
    ------
    KeyError
        An image has no group.
    """
    members: dict[str, list[ImageScore]] = {}
    for score in scores:
        members.setdefault(groups[score.image_id], []).append(score)
    return {name: summarize(members[name]) for name in sorted(members)}


@dataclass(frozen=True)
class ClassScores:
    """How well classes are told, of nuclei whose true class is known.

    Attributes
    ----------
    classes : tuple of str
    confusion : tuple of tuple of int
        Nuclei by true class (rows) and predicted class (columns).
    """

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def precision(self) -> list[float]:
        """Of the nuclei given each class, the share that have it; 0 where there are none."""
        counts = np.array(self.confusion)
        return [_ratio(n, of, 0.0) for n, of in zip(counts.diagonal(), counts.sum(0), strict=True)]

    @property
    def recall(self) -> list[float]:
        """Of the nuclei that have each class, the share given it; 0 where there are none."""
        counts = np.array(self.confusion)
        return [_ratio(n, of, 0.0) for n, of in zip(counts.diagonal(), counts.sum(1), strict=True)]

    @property
    def f1(self) -> list[float]:
        """Harmonic mean of precision and recall of each class."""
        counts = np.array(self.confusion)
        both = counts.sum(0) + counts.sum(1)
        return [_ratio(2 * n, of, 0.0) for n, of in zip(counts.diagonal(), both, strict=True)]

    @property
    def accuracy(self) -> float:
        """Share of all nuclei that are given their class."""
        counts = np.array(self.confusion)
        return _ratio(counts.trace(), counts.sum(), 0.0)

    @property
    def macro_f1(self) -> float:
        """Mean of `f1` over the classes."""
        return fsum(self.f1) / len(self.classes)

    def as_dict(self) -> dict:
        """All of it in plain types."""
        return {
            "classes": list(self.classes),
            "confusion": [list(row) for row in self.confusion],
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
        }


def score_classes(true: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> ClassScores:
    """Count which class is given to which, (n,) numbers of classes from 0.

    Examples
    --------
    >>> scores = score_classes([0, 0, 1, 1], [0, 1, 1, 1], ["a", "b"])
    >>> scores.confusion, scores.accuracy, [round(f1, 2) for f1 in scores.f1]
    (((1, 1), (0, 2)), 0.75, [0.67, 0.8])
    """
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (np.asarray(true, int), np.asarray(predicted, int)), 1)
    return ClassScores(tuple(classes), tuple(map(tuple, counts.tolist())))


def reliability(
    predicted: np.ndarray, true: np.ndarray, parts: int = 10
) -> tuple[float, tuple[tuple[float, float], ...]]:
    """Compare the predicted IoU of nuclei with the true one.

    Parameters
    ----------
    predicted, true : (n,) ndarray
    parts : int
        Into so many parts, equally large and by the prediction, the nuclei are divided.

    Returns
    -------
    error : float
        Mean absolute error of the prediction of one nucleus; 0 without nuclei.
    bins : tuple of (float, float)
        Mean predicted and mean true IoU of each part, those without nuclei left out.

    Examples
    --------
    >>> reliability(np.array([0.5, 0.9]), np.array([0.25, 1.0]), parts=2)
    (0.175, ((0.5, 0.25), (0.9, 1.0)))
    """
    predicted, true = np.asarray(predicted, float), np.asarray(true, float)
    if not predicted.size:
        return 0.0, ()
    bins = np.array_split(np.argsort(predicted, kind="stable"), parts)
    return float(np.abs(predicted - true).mean()), tuple(
        (float(predicted[part].mean()), float(true[part].mean())) for part in bins if part.size
    )


def _ratio(part: float, whole: float, of_nothing: float = 1.0) -> float:
    return float(part / whole) if whole else of_nothing
