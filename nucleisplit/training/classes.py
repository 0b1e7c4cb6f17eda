"""Stage 2 learns classes: from nuclei whose class is known to a classifier in the model."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from nucleisplit.classify import NUCLEUS
from nucleisplit.config import ClassesConfig
from nucleisplit.cut import Cut, check_class_limits
from nucleisplit.datasets import Dataset, Record, load_dataset, read_class_colors, read_classes
from nucleisplit.errors import DatasetError
from nucleisplit.images import read_image
from nucleisplit.measure import FEATURES, Regions, describe_nuclei
from nucleisplit.metric import ClassScores, score_classes
from nucleisplit.model import Bundle, check_replaceable, save_classified
from nucleisplit.names import counted, name_some
from nucleisplit.segmenter import Segmenter
from stage1_unet import PreprocessConfig, measure_levels
from stage2_trees import NucleusClassifier, cross_fit_classes, overlap_table

LEAST = 5
"""Nuclei of a class, at least: classes with fewer are left out."""
FEW = 20
"""Below so many nuclei of a class, the scores say little."""

BACKGROUND = 0.1
"""An outline of which less lies on labelled nuclei shows none of them."""

_FOLDS = 5
_BINS = (0.0, 0.5, 0.7, 0.9, 0.95, 1.01)
"""Of the probability told, for its calibration."""


@dataclass(frozen=True)
class _Nuclei:
    """Nuclei of known class of one image: by their true outlines, then by ours that match them;
    then ours that show no nucleus, without a class."""

    features: np.ndarray
    classes: list[str]
    ours: np.ndarray
    """Which rows are of our outlines."""


def add_classes(
    labelled: Path,
    base: Bundle,
    out: Path,
    *,
    limits: ClassesConfig | None = None,
    drop_unlabelled: bool = False,
    device: str = "auto",
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Bundle:
    """Fit a classifier onto a model, whose segmentation stays as it is, and write the result.

    Each nucleus of known class is learnt twice: by its true outline, and by that of the model where
    the two match (IoU above 0.5), because it is the latter that will be met.

    Parameters
    ----------
    labelled : Path
        Folder of a dataset with classes, see `read_classes`; its folds are those of `load_dataset`.
    base : Bundle
        The model; it stays as it is.
    out : Path
        Folder of the new model.
    limits : ClassesConfig, optional
        Which nuclei the new model drops by their class; none by default.
    drop_unlabelled : bool
        Also learn the outlines of the model that show no labelled nucleus, so that the new model
        drops what looks like them. In the images that have classes, every nucleus has to be
        labelled.
    device : {"auto", "cpu", "cuda", "mps"}
    overwrite : bool
        Replace a model that is there.
    say : callable
        Takes each line of the report.

    Returns
    -------
    Bundle

    Raises
    ------
    DatasetError
        There are no classes, or fewer than two with enough nuclei in several folds, or a row about
        them is wrong.
    InputError
        An image or its labels cannot be read.
    BundleError
        `out` exists and may not be replaced.
    ConfigError
        A limit is for a class that was not learnt.
    """
    began = time.monotonic()
    check_replaceable(out, overwrite)
    dataset = load_dataset(labelled, folds=2)
    if dataset.folds_from != "table":
        count = min(_FOLDS, len({record.group for record in dataset.records}))
        dataset = load_dataset(labelled, folds=count)
    segmenter = Segmenter(base, device=device)

    def segmented(record: Record, image: np.ndarray) -> np.ndarray:
        found = segmenter.segment(image, name=record.image_id, keep_candidates=False)
        return found.labels

    classifier, scores = fit_classes(
        dataset, segmented, base.config.preprocess, say, drop_unlabelled
    )
    limits = limits or ClassesConfig()
    check_class_limits(Cut().with_classes_of(limits), classifier)
    colors = read_class_colors(dataset)
    bundle = save_classified(out, base, classifier, scores, limits, overwrite, colors)
    say(f"{time.monotonic() - began:.1f} s")
    return bundle


def fit_classes(
    dataset: Dataset,
    segmented: Callable[[Record, np.ndarray], np.ndarray],
    preprocess: PreprocessConfig,
    say: Callable[[str], None],
    drop_unlabelled: bool = False,
) -> tuple[NucleusClassifier, dict]:
    """Fit a classifier to a dataset with classes.

    Parameters
    ----------
    dataset : Dataset
    segmented : callable
        ``segmented(record, image)`` gives our label image of an image, by networks and trees that
        have not learnt from it where there are such.
    preprocess : PreprocessConfig
        Of the model: how it takes black and white.
    say : callable
        Takes each line of the report.
    drop_unlabelled : bool
        See `add_classes`.

    Returns
    -------
    classifier : NucleusClassifier
    scores : dict
        Out of fold, in plain types; the manifest of a model keeps them.

    Raises
    ------
    DatasetError
        See `add_classes`; or there is no outline without a labelled nucleus to be learnt.
    """
    known = read_classes(dataset)
    if not known:
        raise DatasetError(
            f"{dataset}: says nothing about classes",
            "add classes.csv with the columns image, label, class; see docs/classes.md",
        )
    images = [record for record in dataset.records if record.image_id in known]
    read = [(r, *_read(r)) for r in images]
    named = [known[r.image_id].of(labels) for r, _, labels in read]
    told, left_out = _usable(dataset, [r.fold for r in images], named)
    areas = [a for _, _, labels in read for a in np.bincount(labels.ravel())[1:] if a]
    if not areas:
        raise DatasetError(f"{dataset}: has no nuclei", "add images that show some")
    radius = float(np.sqrt(np.median(areas) / np.pi))
    parts, folds = [], []
    for (record, image, labels), classes in zip(read, named, strict=True):
        span = measure_levels(image, preprocess).spans[0]

        def describe(outlines: np.ndarray, image=image, span=span) -> np.ndarray:
            return describe_nuclei(Regions.of(outlines), image, span, radius)

        found = segmented(record, image)
        parts.append(_gather(labels, found, classes, describe, drop_unlabelled))
        folds += [record.fold] * len(parts[-1].classes)
    X = np.concatenate([part.features for part in parts])
    names = np.array([name for part in parts for name in part.classes])
    ours = np.concatenate([part.ours for part in parts])
    fold = np.array(folds)

    use = np.isin(names, told) | (names == "")
    y = np.where(names[use] == "", len(told), np.searchsorted(told, names[use]))
    if drop_unlabelled and np.count_nonzero(y == len(told)) < LEAST:
        raise DatasetError(
            f"{dataset}: the model outlines next to nothing there but labelled nuclei",
            "leave out --drop-unlabelled",
        )
    classifier = NucleusClassifier(FEATURES, told, radius, drop_unlabelled)
    probability = cross_fit_classes(classifier, X[use], y, fold[use])
    scores = _scores(y, probability, ours[use], told)
    scores |= {"images": len(images), "left_out": left_out}
    for line in _report(scores):
        say(line)
    return classifier, scores


def _read(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Read an image and its labels with the numbers that they have in their file."""
    image = read_image(record.image_path)
    labels, _ = record.read_labels(image.shape[:2])
    if labels.shape != image.shape[:2]:
        raise DatasetError(
            f"{record.label_paths[0]}: is {labels.shape[1]}x{labels.shape[0]} pixels, its image "
            f"{image.shape[1]}x{image.shape[0]}",
            "export the labels at the size of the image",
        )
    return image, labels


def _gather(
    labels: np.ndarray,
    found: np.ndarray,
    classes: dict[int, str],
    describe: Callable[[np.ndarray], np.ndarray],
    background: bool,
) -> _Nuclei:
    """Describe the nuclei of known class of one image, and what is no nucleus if that is wanted."""
    ids = np.unique(labels[labels > 0])
    true = describe(labels)[np.isin(ids, list(classes))]
    names = [classes[label] for label in ids.tolist() if label in classes]
    table = overlap_table(labels, found)
    match = table.iou > 0.5
    pairs = [
        (classes[a], b - 1)
        for a, b in zip(table.a_ids[match].tolist(), table.b_ids[match].tolist(), strict=True)
        if a in classes
    ]
    if background:
        area, covered = (np.bincount(found[part].ravel())[1:] for part in (..., labels > 0))
        covered = np.append(covered, np.zeros(len(area) - len(covered), int))
        pairs += [("", row) for row in np.flatnonzero(covered < BACKGROUND * area).tolist()]
    own = describe(found)[[row for _, row in pairs]]
    ours = np.repeat([False, True], [len(true), len(own)])
    return _Nuclei(np.concatenate([true, own]), names + [name for name, _ in pairs], ours)


def _usable(
    dataset: Dataset, folds: Sequence[int], named: Sequence[dict[int, str]]
) -> tuple[list[str], dict[str, int]]:
    """Return the classes with enough nuclei in several folds, and the counts of the others."""
    counts = Counter(name for own in named for name in own.values())
    spread = {(name, fold) for own, fold in zip(named, folds, strict=True) for name in own.values()}
    in_folds = Counter(name for name, _ in spread)
    classes = sorted(n for n, count in counts.items() if count >= LEAST and in_folds[n] > 1)
    left_out = {name: counts[name] for name in sorted(set(counts) - set(classes))}
    if len(classes) < 2:
        raise DatasetError(
            f"{dataset}: {name_some(classes) or 'no class'} alone has {LEAST} nuclei or more in "
            "several images",
            "label nuclei of two classes, each in several images",
        )
    return classes, left_out


def _scores(y: np.ndarray, probability: np.ndarray, ours: np.ndarray, classes: list[str]) -> dict:
    background = y == len(classes)
    others = _background_scores(y, probability, ours, classes) if background.any() else {}
    y, probability, ours = y[~background], probability[~background], ours[~background]
    told = probability.argmax(axis=1)
    true = score_classes(y[~ours], told[~ours], classes)
    own = score_classes(y[ours], told[ours], classes)
    return others | {
        "true_outlines": true.as_dict(),
        "own_outlines": own.as_dict(),
        "nuclei": int(np.count_nonzero(~ours)),
        "found": int(np.count_nonzero(ours)),
        "calibration": _calibration(probability[ours].max(axis=1), (told == y)[ours]),
    }


def _background_scores(
    y: np.ndarray, probability: np.ndarray, ours: np.ndarray, classes: list[str]
) -> dict:
    """Which of our outlines are dropped, and how well the classes of all of them are told.

    The latter counts as errors the true nuclei that were not found or are dropped, and what is no
    nucleus and yet is kept.
    """
    told, kept = probability.argmax(axis=1), probability.sum(axis=1) >= NUCLEUS
    wrong = y == len(classes)
    nuclei, drawn = ours & ~wrong, ours & kept
    f1 = []
    for k in range(len(classes)):
        hits = np.count_nonzero(drawn & (y == k) & (told == k))
        counts = np.count_nonzero(drawn & (told == k)) + np.count_nonzero(~ours & (y == k))
        f1.append(2 * hits / max(1, int(counts)))
    return {
        "background": {
            "outlines": int(wrong.sum()),
            "dropped": float((~kept)[wrong].mean()),
            "nuclei_dropped": float(np.mean(~kept[nuclei])) if nuclei.any() else 0.0,
            "macro_f1": float(np.mean(f1)),
        }
    }


def _calibration(told: np.ndarray, right: np.ndarray) -> list[dict]:
    """In bins of the probability told: its mean, the share that is right, and how many."""
    bins = []
    for low, high in pairwise(_BINS):
        use = (told >= low) & (told < high)
        if use.any():
            bins.append(
                {
                    "told": float(told[use].mean()),
                    "right": float(right[use].mean()),
                    "nuclei": int(use.sum()),
                }
            )
    return bins


def _report(scores: dict) -> Iterator[str]:
    """Say how well the classes are told, out of fold."""
    true, own = (_class_scores(scores[name]) for name in ("true_outlines", "own_outlines"))
    share = scores["found"] / scores["nuclei"]
    yield (
        f"{scores['nuclei']} nuclei of known class in {scores['images']} images, "
        f"{share:.1%} of them found by the model"
    )
    for name, count in scores["left_out"].items():
        few = counted(count, "nucleus")
        yield f"left out: {name}, {few}; {LEAST} in several images are needed"
    width = max(map(len, ("class", *true.classes)))
    yield f"{'class':<{width}}  nuclei  precision  recall     F1   F1 by own outlines"
    counts = [sum(row) for row in true.confusion]
    columns = (true.classes, counts, true.precision, true.recall, true.f1, own.f1)
    for name, count, precision, recall, f1, own_f1 in zip(*columns, strict=True):
        few = "  few nuclei: uncertain" if count < FEW else ""
        numbers = f"{count:6d}  {precision:9.3f}  {recall:6.3f}  {f1:5.3f}   {own_f1:5.3f}"
        yield f"{name:<{width}}  {numbers}{few}"
    yield (
        f"out of fold: accuracy {true.accuracy:.3f}, macro F1 {true.macro_f1:.3f}; by own outlines "
        f"{own.accuracy:.3f}, {own.macro_f1:.3f}"
    )
    if others := scores.get("background"):
        yield (
            f"{counted(others['outlines'], 'outline')} of no labelled nucleus: "
            f"{others['dropped']:.1%} dropped, and {others['nuclei_dropped']:.1%} of the nuclei "
            f"found; macro F1 with all errors of the outlines {others['macro_f1']:.3f}"
        )
    yield "confusion (rows: true class; columns: class told)"
    for name, row in zip(true.classes, true.confusion, strict=True):
        yield f"{name:<{width}}  " + "".join(f"{count:6d}" for count in row)
    for part in scores["calibration"]:
        yield (
            f"probability told {part['told']:.2f}: right {part['right']:.2f} "
            f"({counted(part['nuclei'], 'nucleus')})"
        )


def _class_scores(values: dict) -> ClassScores:
    return ClassScores(tuple(values["classes"]), tuple(map(tuple, values["confusion"])))
