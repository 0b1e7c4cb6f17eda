"""Stage 2 of a training run: candidates of the out-of-fold maps, the fit, the model bundle."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nucleisplit.config import RunConfig
from nucleisplit.cut import Cut, check_class_limits
from nucleisplit.datasets import Dataset, Record, read_class_colors, read_classes
from nucleisplit.errors import DatasetError, InputError
from nucleisplit.labels import write_labels
from nucleisplit.metric import ImageScore, reliability, score_image
from nucleisplit.model import Bundle, check_replaceable, save_bundle
from stage2_trees import (
    CrossFit,
    ForestConfig,
    ImageRows,
    RecutConfig,
    ThresholdConfig,
    build_candidates,
    cross_fit,
    map_correlation,
    select,
    training_rows,
)

from .baseline import recut_of, score_thresholds, tune_thresholds
from .classes import fit_classes
from .comparison import compare_with_bundled
from .headroom import area_and_hits, find_headroom
from .pool import ImagePool
from .run_folder import IN_KIND, OUT_OF_KIND, TrainingRun, networks_of
from .score_table import make_scores, score_lines, trust_lines

_LOG = logging.getLogger(__name__)

TUNED = 12
"""Images of one kind and sort that the single-threshold watershed is tuned on, at most."""

OUT_OF_KIND_SHARE = 0.5
"""Weight of all images by maps out of kind beside all those in kind, in a run that has both."""


@dataclass(frozen=True)
class _Sample:
    """An image with one sort of maps."""

    record: Record
    sort: str
    maps: np.ndarray
    truth: np.ndarray
    fold: int
    """That of the network of the maps."""
    apart: int
    """That of the network of the image's other sort of maps, if there is one."""


@dataclass(frozen=True)
class _Results:
    """What came of each sample, in their order."""

    rows: Sequence[ImageRows]
    fitted: CrossFit
    perfect: Sequence[np.ndarray]
    methods: Mapping[str, Sequence[ImageScore]]
    found: Mapping[str, Sequence[np.ndarray]]

    def of(self, use: Sequence[int], kinds: Mapping[str, str]) -> dict:
        """Summarise some of them, as the manifest of the model keeps it; `kinds` by image id."""

        def pick(values: Sequence) -> list:
            return [values[i] for i in use]

        rows, chosen = pick(self.rows), pick(self.fitted.chosen)
        true_map = np.array([score.map for score in pick(self.methods["trees"])])
        found = {name: pick(each) for name, each in self.found.items()}
        return {
            **make_scores({name: pick(each) for name, each in self.methods.items()}, kinds),
            "reliability": _reliability(rows, chosen, pick(self.fitted.predicted_iou)),
            "image_quality": map_correlation(self.fitted.predicted_map[use], true_map),
            "headroom": find_headroom(rows, chosen, pick(self.perfect), found),
        }


def train_trees(
    folder: Path,
    out: Path,
    config: RunConfig | None = None,
    *,
    overwrite: bool = False,
    labels: Path | None = None,
    say: Callable[[str], None] = print,
) -> Bundle:
    """Fit the trees of a finished training run, score everything out of fold, write the model.

    Parameters
    ----------
    folder : Path
        Of a run of `train_unet`.
    out : Path
        Folder of the model.
    config : RunConfig, optional
        Replaces the sections of stage 2; those of stage 1 are the run's own.
    overwrite : bool
        Replace a model, and label images, that are there.
    labels : Path, optional
        Folder to write the out-of-fold label image of every image to.
    say : callable
        Takes each line of the report.

    Returns
    -------
    Bundle

    Raises
    ------
    InputError
        The run is not finished, or its data have changed or gone.
    DatasetError
        The maps show no nuclei to learn from.
    OutputError
        `out` exists and may not be replaced.
    """
    began = time.monotonic()
    check_replaceable(out, overwrite)
    run = TrainingRun.open(folder)
    config = run.with_stage_2(config)
    dataset, samples = _read(run)
    ids = [sample.record.image_id for sample in samples]
    shares = _shares(dataset, samples)
    with ImagePool([s.maps for s in samples], [s.truth for s in samples]) as pool:
        say(f"{len(dataset)} images; candidates from the out-of-fold maps")
        rows = pool.map(training_rows, config=config.forest)
        say("tuning the single-threshold watershed that the trees are compared with")
        thresholds = _tune(samples, shares)
        recut = recut_of(thresholds)
        parts = pool.map(training_rows, config=recut)
        say(f"{sum(len(row.candidates) for row in rows)} candidates; fitting the trees")
        fit = partial(
            cross_fit,
            folds=[sample.fold for sample in samples],
            config=config.trees,
            selection=config.select,
            apart=[sample.apart for sample in samples],
            shares=shares,
        )
        try:
            plain, fitted = fit(parts), fit(rows)
        except ValueError as error:
            raise DatasetError(f"{run.folder}: {error}", "train the networks longer") from error
        perfect = [select(row.candidates, row.iou, config.select) for row in rows]
        methods = {
            "threshold": pool.map(score_thresholds, ids, config=thresholds),
        }
        found: dict[str, list[np.ndarray]] = {}
        for config_of, sets in (
            (recut, {"recut": plain.chosen}),
            (config.forest, {"trees": fitted.chosen, "oracle": perfect}),
        ):
            judged = pool.map(_judge, ids, zip(*sets.values(), strict=True), config=config_of)
            for name, each in zip(sets, zip(*judged, strict=True), strict=True):
                methods[name], found[name] = (list(part) for part in zip(*each, strict=True))
        if labels is not None:
            names = [_label_path(labels, sample) for sample in samples]
            fixed = {"config": config.forest, "overwrite": overwrite}
            pool.map(_write_chosen, names, fitted.chosen, **fixed)
    results = _Results(rows, fitted, perfect, methods, found)
    scores = {"thresholds": thresholds.model_dump()}
    for sort in (IN_KIND, OUT_OF_KIND):
        use = [i for i, sample in enumerate(samples) if sample.sort == sort]
        if not use:
            continue
        own = results.of(use, {s.record.image_id: s.record.kind for s in samples})
        for line in [*score_lines(own, sort if run.by_kind else "out of fold"), *trust_lines(own)]:
            say(line)
        scores |= own if sort == IN_KIND else {"out_of_kind": own}
    classifier = None
    if read_classes(dataset):

        def segmented(record: Record, image: np.ndarray) -> np.ndarray:
            i = next(i for i, sample in enumerate(samples) if sample.record == record)
            maps = samples[i].maps / np.float32(255)
            return build_candidates(maps, config.forest).paint(fitted.chosen[i])

        classifier, scores["classes"] = fit_classes(dataset, segmented, config.preprocess, say)
    check_class_limits(Cut().with_classes_of(config.classes), classifier)
    bundle = save_bundle(
        out,
        networks=[run.final_weights],
        regressor=fitted.regressor,
        config=config,
        fingerprint=run.fingerprint,
        scores=scores,
        classifier=classifier,
        colors=read_class_colors(dataset),
        overwrite=overwrite,
    )
    if compared := compare_with_bundled(run, dataset, methods["trees"]):
        say(compared)
    say(f"{(time.monotonic() - began) / 60:.1f} min")
    return bundle


def _read(run: TrainingRun) -> tuple[Dataset, list[_Sample]]:
    """Return the dataset of a run, and each image with each sort of its out-of-fold maps."""
    dataset = run.load_dataset()
    run.check_complete(dataset)
    samples = []
    networks = networks_of(dataset, run.by_kind)
    for record, own in zip(dataset.records, networks, strict=True):
        _, truth, _ = record.read()
        for sort, fold in own.items():
            maps = run.read_maps(record, sort)
            if maps.shape[1:] != truth.shape:
                raise InputError(
                    f"{run.folder}: the maps of {record.image_id} do not fit its labels",
                    "train the networks again in a new folder",
                )
            apart = next((other for other in own.values() if other != fold), fold)
            samples.append(_Sample(record, sort, maps, truth, fold, apart))
    return dataset, samples


def _shares(dataset: Dataset, samples: Sequence[_Sample]) -> np.ndarray:
    """Weight of each sample: the two sorts as `OUT_OF_KIND_SHARE` says.

    In kind all images are alike, as in the score. Out of kind they weigh as in the training of the
    networks, because what is learnt there has to hold for yet other kinds.
    """
    outside = np.array([sample.sort == OUT_OF_KIND for sample in samples])
    own = dict(zip(dataset.records, dataset.weights(), strict=True))
    weight = np.where(outside, [own[sample.record] for sample in samples], 1.0)
    if outside.any() and not outside.all():
        weight[outside] *= OUT_OF_KIND_SHARE / weight[outside].sum()
        weight[~outside] *= (1 - OUT_OF_KIND_SHARE) / weight[~outside].sum()
    return weight / weight.mean()


def _label_path(folder: Path, sample: _Sample) -> Path:
    """Where the out-of-fold labels of a sample go; those out of kind apart from the others."""
    base = folder if sample.sort == IN_KIND else folder / "out-of-kind"
    return base / f"{sample.record.image_id}_labels.tif"


def _tune(samples: Sequence[_Sample], shares: np.ndarray) -> ThresholdConfig:
    """Tune the one watershed on at most `TUNED` images of each kind and sort, evenly drawn."""
    members: dict[tuple[str, str], list[int]] = {}
    for index, sample in enumerate(samples):
        members.setdefault((sample.sort, sample.record.kind), []).append(index)
    use, weights = [], []
    for own in members.values():
        picked = [own[i] for i in np.linspace(0, len(own) - 1, min(len(own), TUNED)).astype(int)]
        use += picked
        weights += [shares[own].sum() / len(picked)] * len(picked)
    with ImagePool([samples[i].maps for i in use], [samples[i].truth for i in use]) as pool:
        return tune_thresholds(pool, _LOG.info, weights)


def _judge(
    maps: np.ndarray,
    truth: np.ndarray,
    name: str,
    sets: tuple[np.ndarray, ...],
    config: ForestConfig | RecutConfig,
) -> list[tuple[ImageScore, np.ndarray]]:
    """Paint sets of candidates of one image; of each the score, and what the nuclei come to."""
    forest = build_candidates(maps, config)
    painted = [forest.paint(chosen) for chosen in sets]
    return [(score_image(labels, truth, name), area_and_hits(labels, truth)) for labels in painted]


def _write_chosen(
    maps: np.ndarray,
    truth: np.ndarray,
    path: Path,
    chosen: np.ndarray,
    config: ForestConfig,
    overwrite: bool,
) -> None:
    """Write the label image of the candidates chosen in one image."""
    write_labels(path, build_candidates(maps, config).paint(chosen), overwrite)


def _reliability(
    rows: Sequence[ImageRows], chosen: Sequence[np.ndarray], told: Sequence[np.ndarray]
) -> dict:
    """Compare predicted with true IoU of the nuclei kept, out of fold, in ten equal bins."""
    predicted = np.concatenate(told)
    true = np.concatenate([row.iou[c] for row, c in zip(rows, chosen, strict=True)])
    error, bins = reliability(predicted, true)
    return {
        "nuclei": int(predicted.size),
        "mean_absolute_error": error,
        "bias": float((predicted - true).mean()) if predicted.size else 0.0,
        "bins": [{"predicted": expected, "true": seen} for expected, seen in bins],
    }
