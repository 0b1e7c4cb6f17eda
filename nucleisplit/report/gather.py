"""All that the page shows, image by image: never more than one image in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nucleisplit.batch.outputs import planes_of
from nucleisplit.class_metric import ClassSummary
from nucleisplit.datasets import (
    LabelSource,
    find_label_sources,
    read_source_classes,
)
from nucleisplit.errors import InputError, NucleisplitError
from nucleisplit.images import Plane, open_image
from nucleisplit.labels import classes_by_label, read_labels
from nucleisplit.metric import Summary, reliability, summarize

from .batch_folder import Entry, Run
from .compare import FAULTS, ClassComparison, Comparison, Fault, compare
from .pictures import Crop, View, rings_of
from .queue import Place, choose_queue

__all__ = ["FAULT_CARDS", "Content", "ImageCard", "NucleusCard", "Truth", "gather"]

FAULT_CARDS = 24
"""The worst faults of each kind are shown, this many."""
SIDES = ((60, 320), (250, 240), (10**9, 160))
"""Up to so many images, thumbnails have this longer side, pixels."""
THUMBNAIL_BYTES = 8_000_000
"""Of all thumbnails; images beyond, the least doubtful, have links only."""


@dataclass
class ImageCard:
    """What is shown of one image."""

    entry: Entry
    warnings: list[str]
    diameters: np.ndarray
    """(n,) equivalent diameter of each nucleus, in the unit of the report."""
    thumbnail: str | None = None
    score: float | None = None
    """Its true mAP."""
    faults: Counter = field(default_factory=Counter)
    """Number of faults of each kind."""


@dataclass(frozen=True, eq=False)
class NucleusCard:
    """A nucleus or a fault with its crop."""

    image: int
    what: Place | Fault
    crop: Crop | None


@dataclass(frozen=True, eq=False)
class Truth:
    """How the run compares with the truth."""

    summary: Summary
    bins: tuple[tuple[float, float], ...]
    """Mean predicted and mean true IoU of each tenth of the nuclei."""
    error: float
    """Mean absolute error of the predicted IoU of one nucleus."""
    totals: Counter
    """Number of faults of each kind, all images."""
    left_out: int
    """Images of the truth that are not in the run."""
    classes: ClassSummary | None
    """Where both have classes, how they compare."""


@dataclass(frozen=True, eq=False)
class Content:
    """Everything on the page."""

    run: Run
    unit: str
    """Of lengths: ``um`` where every image tells its pixel size, else ``px``."""
    images: list[ImageCard]
    queue: list[NucleusCard]
    faults: list[NucleusCard]
    truth: Truth | None


def gather(
    run: Run,
    truth: str | Path | None = None,
    limit: int = 200,
    progress: Callable[[int, int, dict], None] | None = None,
) -> Content:
    """Compare, choose and draw.

    Parameters
    ----------
    run : Run
    truth : path, optional
        What `nucleisplit.datasets.find_label_sources` takes.
    limit : int
        Nuclei in the review queue.
    progress : callable, optional
        Called with the number of images done, of all, and the image's entry of ``run.json``.

    Raises
    ------
    InputError
        A review file or the truth cannot be read, or no image has a truth.
    """
    sized = all(entry.pixel_size for entry in run.entries if entry.ok)
    unit = "um" if sized and any(entry.ok for entry in run.entries) else "px"
    cards = [_card(entry, unit) for entry in run.entries]
    sources = find_label_sources(truth) if truth is not None else {}
    by_class = ClassComparison(
        {name for entry in run.entries for name in entry.classes},
        read_source_classes(truth, sources) if truth is not None else {},
    )
    found: dict[int, Comparison] = {}
    known = [entry.image_id for entry in run.entries if entry.image_id in sources]
    if truth is not None and not known:
        raise InputError(
            f"{truth}: has no truth of any image of {run.folder}", "it is called like the image"
        )
    steps, done = (1 + bool(sources)) * len(cards), 0

    def tick(card: ImageCard) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, steps, card.entry.record)

    for number, card in enumerate(cards if sources else ()):
        one = _compare(card, sources.get(card.entry.image_id), by_class)
        found |= {number: one} if one else {}
        tick(card)
    queue = [(place.image, place) for place in choose_queue(run.entries, limit)]
    shown: list[tuple[int, Place | Fault]] = [*queue, *_worst(cards, found)]
    crops: list[Crop | None] = [None] * len(shown)
    side = next(side for most, side in SIDES if len(cards) <= most)
    room = THUMBNAIL_BYTES
    for number in sorted(range(len(cards)), key=lambda i: cards[i].entry.predicted_map):
        card, mine = cards[number], [i for i, (image, _) in enumerate(shown) if image == number]
        with ExitStack() as stack:
            try:
                view = _open(card, run, stack)
                if view is not None and room > 0:
                    card.thumbnail = view.thumbnail(side, _by_label(card.entry))
                    room -= len(card.thumbnail)
                if view is not None and mine:
                    source = sources.get(card.entry.image_id)
                    cut = _cut([shown[i][1] for i in mine], view, card, source)
                    for i, crop in zip(mine, cut, strict=True):
                        crops[i] = crop
            except NucleisplitError as error:
                card.warnings.append(error.message)
        tick(card)
    made = [
        NucleusCard(image, what, crop) for (image, what), crop in zip(shown, crops, strict=True)
    ]
    return Content(
        run,
        unit,
        cards,
        made[: len(queue)],
        made[len(queue) :],
        _truth(cards, found, len(sources) - len(set(known)), by_class) if found else None,
    )


def _card(entry: Entry, unit: str) -> ImageCard:
    warnings = []
    if entry.record.get("status") == "failed":
        warnings.append(str(entry.record.get("message", "failed")))
    elif entry.record.get("doubtful") and len(entry.table):
        warnings.append(f"has likely failed: predicted mAP {entry.predicted_map:.2f}")
    elif entry.ok and not len(entry.table):
        warnings.append("no nuclei were found")
    diameters = np.sqrt(4 / np.pi * entry.table["area"].to_numpy(float))
    if unit == "um":
        diameters *= entry.pixel_size or 1.0
    return ImageCard(entry, warnings, diameters)


def _compare(
    card: ImageCard, source: LabelSource | None, by_class: ClassComparison
) -> Comparison | None:
    """Compare one image with its truth; a failed image has missed all of it."""
    entry = card.entry
    if source is None:
        card.warnings.append("has no truth")
        return None
    truth, file = source.read(), entry.file("labels")
    if entry.ok and file is None:  # `_open` says so
        return None
    labels = read_labels(file) if file else np.zeros_like(truth)
    if labels.shape != truth.shape:
        sizes = " but ".join("{} x {}".format(*array.shape) for array in (labels, truth))
        card.warnings.append(f"its labels are {sizes} in the truth: not compared")
        return None
    one = compare(labels, truth, entry.image_id)
    if len(one.iou) != len(entry.table):
        raise InputError(f"{file}: does not belong to {entry.name} in the table", "run infer again")
    by_class.add(entry.image_id, labels, truth, classes_by_label(entry.table))
    card.score = one.score.map
    card.faults = Counter(fault.kind for fault in one.faults)
    return one


def _worst(cards: list[ImageCard], found: dict[int, Comparison]) -> list[tuple[int, Fault]]:
    shown = [(number, one) for number, one in found.items() if cards[number].entry.ok]
    faults = [(number, fault) for number, one in shown for fault in one.faults]
    faults.sort(key=lambda item: -item[1].size)
    return [
        item
        for kind in FAULTS
        for item in [item for item in faults if item[1].kind == kind][:FAULT_CARDS]
    ]


def _truth(
    cards: list[ImageCard], found: dict[int, Comparison], left_out: int, by_class: ClassComparison
) -> Truth:
    predicted = [cards[n].entry.table.sort_values("label")["predicted_iou"] for n in found]
    error, bins = reliability(
        np.concatenate(predicted), np.concatenate([one.iou for one in found.values()])
    )
    return Truth(
        summarize(one.score for one in found.values()),
        bins,
        error,
        sum((cards[number].faults for number in found), Counter()),
        left_out,
        by_class.summary(),
    )


def _open(card: ImageCard, run: Run, stack: ExitStack) -> View | None:
    """Open the labels of an image, and the image where it is still what was segmented."""
    file, path = card.entry.file("labels"), card.entry.path
    if not card.entry.ok:
        return None
    if file is None:
        card.warnings.append("its label image is missing")
        return None
    labels = stack.enter_context(open_image(file, palette=False)).plane()
    if path is None:
        card.warnings.append("the image is not where it was: only outlines are shown")
        return View(None, labels)
    planes = planes_of(run.planes, card.entry.record)
    try:
        image: Plane | None = stack.enter_context(open_image(path, planes)).plane(planes)
    except NucleisplitError as error:
        card.warnings.append(f"only outlines are shown: {error.message}")
        return View(None, labels)
    if image is not None and image.shape[:2] != labels.shape[:2]:
        card.warnings.append("the image has another size now: only outlines are shown")
        image = None
    return View(image, labels)


def _by_label(entry: Entry) -> np.ndarray:
    labels = entry.table["label"].to_numpy(int)
    iou = np.full(labels.max(initial=0), np.nan)
    iou[labels - 1] = entry.table["predicted_iou"]
    return iou


def _cut(
    items: list[Place | Fault], view: View, card: ImageCard, source: LabelSource | None
) -> list[Crop]:
    """Draw the crops of one image."""
    labels = truth = np.zeros((0, 0), np.int32)
    file = card.entry.file("labels")
    if source is not None and file is not None and any(isinstance(i, Fault) for i in items):
        labels, truth = read_labels(file), source.read()
    crops = []
    for item in items:
        if isinstance(item, Place):
            rings = [np.reshape(ring, (-1, 2)) for ring in item.doubt.outlines]
            kept: tuple[int, ...] = (item.doubt.label,)
            boxes = [item.box, *map(_box_of, rings)]
        else:
            involved = np.isin(labels, item.found) | np.isin(truth, item.true)
            rows, columns = (np.flatnonzero(involved.any(axis=axis)) for axis in (1, 0))
            boxes = [(rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)]
            rings, kept = rings_of(np.where(np.isin(truth, item.true), truth, 0)), item.found
        lows = np.min([box[:2] for box in boxes], axis=0).tolist()
        highs = np.max([box[2:] for box in boxes], axis=0).tolist()
        crops.append(view.crop((*lows, *highs), kept, rings))
    return crops


def _box_of(ring: np.ndarray) -> tuple[int, int, int, int]:
    left, top = ring.min(axis=0).tolist()
    right, bottom = ring.max(axis=0).tolist()
    return top, left, bottom, right
