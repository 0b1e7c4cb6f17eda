"""Stage 2 of a training run: candidates of the out-of-fold maps, the fit, the model bundle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from nucleisplit.bundle import Bundle, check_replaceable, save_bundle
from nucleisplit.config import RunConfig
from nucleisplit.errors import DatasetError, InputError
from nucleisplit.io import Dataset, load_dataset, write_labels
from nucleisplit.metric import ImageScore, reliability, score_image
from stage2_trees import (
    CrossFit,
    ForestConfig,
    ImageRows,
    RecutConfig,
    build_candidates,
    cross_fit,
    map_correlation,
    select,
    training_rows,
)

from .baseline import recut_of, score_thresholds, tune_thresholds
from .headroom import find_headroom
from .pool import ImagePool
from .report import make_scores, score_lines, trust_lines
from .run import TrainingRun


@dataclass(frozen=True)
class _Images:
    """Out-of-fold maps (uint8) and truth of every image of a run, in the order of the records."""

    dataset: Dataset
    maps: list[np.ndarray]
    truths: list[np.ndarray]


def train_trees(
    folder: Path,
    out: Path,
    config: RunConfig | None = None,
    *,
    overwrite: bool = False,
    labels: Path | None = None,
    say: Callable[[str], None] = click.echo,
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
    images = _read(run)
    ids = [record.image_id for record in images.dataset.records]
    folds = [record.fold for record in images.dataset.records]
    with ImagePool(images.maps, images.truths) as pool:
        say(f"{len(ids)} images; candidates from the out-of-fold maps")
        rows = pool.map(training_rows, config=config.forest)
        say("tuning the single-threshold watershed that the trees are compared with")
        thresholds = tune_thresholds(pool, say)
        recut = recut_of(thresholds)
        parts = pool.map(training_rows, config=recut)
        say(f"{sum(len(row.candidates) for row in rows)} candidates; fitting the trees")
        try:
            plain = cross_fit(parts, folds, config.trees, config.select)
            fitted = cross_fit(rows, folds, config.trees, config.select)
        except ValueError as error:
            raise DatasetError(f"{run.folder}: {error}", "train the networks longer") from error
        perfect = [select(row.candidates, row.iou, config.select) for row in rows]
        methods = {
            "threshold": pool.map(score_thresholds, ids, config=thresholds),
            "recut": pool.map(_score_chosen, ids, plain.chosen, config=recut),
            "trees": pool.map(_score_chosen, ids, fitted.chosen, config=config.forest),
            "oracle": pool.map(_score_chosen, ids, perfect, config=config.forest),
        }
        headroom = find_headroom(pool, rows, fitted.chosen, perfect, config.forest)
        if labels is not None:
            paths = [labels / f"{name}_labels.tif" for name in ids]
            fixed = {"config": config.forest, "overwrite": overwrite}
            pool.map(_write_chosen, paths, fitted.chosen, **fixed)
    clusters = {record.image_id: record.cluster for record in images.dataset.records}
    scores = make_scores(methods, clusters)
    scores["thresholds"] = thresholds.model_dump()
    scores["reliability"] = _reliability(rows, fitted)
    true_map = np.array([score.map for score in methods["trees"]])
    scores["image_quality"] = map_correlation(fitted.predicted_map, true_map)
    scores["headroom"] = headroom
    for line in [*score_lines(scores), *trust_lines(scores)]:
        say(line)
    say(f"{(time.monotonic() - began) / 60:.1f} min")
    return save_bundle(
        out,
        networks=[run.final_weights],
        regressor=fitted.regressor,
        config=config,
        fingerprint=run.fingerprint,
        scores=scores,
        overwrite=overwrite,
    )


def _read(run: TrainingRun) -> _Images:
    dataset = load_dataset(run.data, run.table, run.group, run.folds)
    if dataset.fingerprint != run.fingerprint:
        raise InputError(
            f"{run.data}: has changed since {run.folder} was trained",
            "restore the data or train the networks again",
        )
    run.check_complete(dataset)
    maps, truths = [], []
    for record in dataset.records:
        _, labels, _ = record.read()
        maps.append(run.read_maps(record))
        truths.append(labels)
        if maps[-1].shape[1:] != labels.shape:
            raise InputError(
                f"{run.folder}: the maps of {record.image_id} do not fit its labels",
                "train the networks again in a new folder",
            )
    return _Images(dataset, maps, truths)


def _score_chosen(
    maps: np.ndarray,
    truth: np.ndarray,
    name: str,
    chosen: np.ndarray,
    config: ForestConfig | RecutConfig,
) -> ImageScore:
    """Paint the candidates chosen in one image, and score them."""
    return score_image(build_candidates(maps, config).paint(chosen), truth, name)


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


def _reliability(rows: list[ImageRows], fitted: CrossFit) -> dict:
    """Compare predicted with true IoU of the nuclei kept, out of fold, in ten equal bins."""
    predicted = np.concatenate(fitted.predicted_iou)
    true = np.concatenate([row.iou[c] for row, c in zip(rows, fitted.chosen, strict=True)])
    error, bins = reliability(predicted, true)
    return {
        "nuclei": int(predicted.size),
        "mean_absolute_error": error,
        "bins": [{"predicted": expected, "true": seen} for expected, seen in bins],
    }
