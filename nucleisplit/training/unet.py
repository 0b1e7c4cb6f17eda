"""Stage 1 of a training run: one network per fold, out-of-fold maps, one network on everything."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from nucleisplit.config import RunConfig
from nucleisplit.datasets import CleaningNotes, Dataset, Record, load_dataset
from nucleisplit.errors import ConfigError, DatasetError
from nucleisplit.images import find_images, read_image
from nucleisplit.names import name_some
from nucleisplit.segmenter import Segmenter
from stage1_unet import WEIGHTS, Pair, Part, Predictor, load_network, preprocess, train_network

from .baseline import quick_map
from .curves import draw_curves
from .pseudo import images_fingerprint, pseudo_pairs
from .run_folder import TrainingRun, networks_of, split_fingerprint
from .start import Start


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How the first stage is trained, beside its settings.

    Parameters
    ----------
    table, group, folds
        See `load_dataset`.
    by_kind : bool
        Let each network of a fold leave out whole kinds, too, so that every image also gets maps
        by a network that has seen none of its kind; see `networks_of`.
    start : Start, optional
        Networks to start from, instead of fresh weights; they decide which network it is.
    pseudo : Path, optional
        Folder of unlabelled images to train on, too, see `PseudoConfig`.
    labeller : str or Path
        The model that labels them.
    only : sequence, optional
        The folds whose networks are trained in this call, None for that on all images: several
        processes, each on its own folds, make one run together.
    device : {"auto", "cpu", "cuda", "mps"}
    """

    table: Path | None = None
    group: str | None = None
    folds: int = 4
    by_kind: bool = False
    start: Start | None = None
    pseudo: Path | None = None
    labeller: str | Path = "default"
    only: Sequence[int | None] | None = None
    device: str = "auto"


def train_unet(
    data: Path | Sequence[Path],
    out: Path,
    config: RunConfig,
    options: TrainOptions | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = print,
    **fields: Any,
) -> TrainingRun:
    """Train every network of a run, or finish training them.

    Parameters
    ----------
    data : Path or sequence of Path
        Dataset folder or folders, see `load_dataset`.
    out : Path
        Folder of the run. The same call goes on where an interrupted one was.
    config : RunConfig
    options : TrainOptions, optional
    progress : callable, optional
        Takes the steps done and those to do, of all networks trained in this call.
    say : callable
        Takes each line of the report.
    **fields
        Fields of `TrainOptions`, in place of those of the options.

    Returns
    -------
    TrainingRun

    Raises
    ------
    DatasetError, InputError
        The data cannot be used.
    OutputError
        `out` belongs to something else.
    ConfigError
        The settings do not fit each other.
    """
    began = time.monotonic()
    options = replace(options or TrainOptions(), **fields)
    start, pseudo, only, by_kind = options.start, options.pseudo, options.only, options.by_kind
    dataset = load_dataset(data, options.table, options.group, options.folds)
    if start is not None:
        config = start.settings(config)
    device = options.device
    segmenter = Segmenter(options.labeller, device=device, backend="torch") if pseudo else None
    run = TrainingRun(
        folder=out,
        data=dataset.folders,
        table=str(options.table) if options.table else None,
        group=options.group,
        folds=options.folds,
        fingerprint=dataset.fingerprint,
        config=config,
        initial=start.fingerprint if start else None,
        pseudo=_pseudo_fingerprint(pseudo, segmenter) if pseudo and segmenter else None,
        by_kind=by_kind,
        split=split_fingerprint(dataset, by_kind),
    )
    networks = networks_of(dataset, by_kind)
    say(f"{len(dataset)} images in {len(dataset.folds)} folds, {dataset}")
    if by_kind:
        for fold in dataset.folds:
            names = [name for name, unseen in dataset.kind_folds.items() if unseen == fold]
            say(f"fold {fold} also leaves out: {', '.join(names) or 'no kind'}")
    if start is not None and (warning := start.check(run)):
        say(f"warning: {warning}")
    pairs = read_pairs(dataset, config, say)
    run.start()  # not before the data are known to be readable

    @cache
    def extra() -> list[Pair]:
        if pseudo is None or segmenter is None:
            return []
        weight = sum(pair.weight for pair in pairs)
        return pseudo_pairs(pseudo, segmenter, config.pseudo, config.preprocess, weight, say)

    def train(folder: Path, held_out: int | None) -> Path:
        if (folder / WEIGHTS).exists():
            return folder / WEIGHTS
        steps, number = config.train.steps, todo.index(held_out)
        part = Part(number * steps, (len(todo) - 1 - number) * steps, progress)
        inside: list[Pair] = []
        outside: list[Pair] = []
        for pair, own in zip(pairs, networks, strict=True):
            (outside if held_out in own.values() else inside).append(pair)
        try:
            return train_network(
                inside + extra(),
                outside,
                folder,
                config.network,
                config.train,
                device=device,
                initial=start.network(held_out) if start else None,
                score=quick_map,
                part=part,
                say=say,
            )
        except ValueError as error:
            raise ConfigError(f"{folder}: cannot train: {error}") from error

    unknown = {fold for fold in only or () if fold is not None} - {*dataset.folds}
    if unknown:
        raise ConfigError(
            f"there is no fold {min(unknown)}", f"folds are {', '.join(map(str, dataset.folds))}"
        )
    asked = [*dataset.folds, None] if only is None else only
    folders: dict[int | None, Path] = {
        fold: run.fold_folder(fold) for fold in asked if fold is not None
    }
    if None in asked:
        folders[None] = run.final_folder
    todo = [fold for fold, folder in folders.items() if not (folder / WEIGHTS).exists()]
    for which, folder in folders.items():
        say("final: network on all images" if which is None else f"fold {which}: network")
        weights = train(folder, which)
        held_out = [
            (record, sort)
            for record, own in zip(dataset.records, networks, strict=True)
            for sort, network in own.items()
            if network == which
        ]
        _write_maps(run, held_out, weights, device, say)
        draw_curves(run)
    say(f"{(time.monotonic() - began) / 60:.1f} min, peak memory {_peak_memory()}")
    return run


def read_pairs(dataset: Dataset, config: RunConfig, say: Callable[[str], None]) -> list[Pair]:
    """Read everything, each kind weighted by the square root of its number of images."""
    pairs, notes = [], CleaningNotes()
    for record, weight in zip(dataset.records, dataset.weights(), strict=True):
        image, labels, repaired = record.read()
        notes += repaired
        try:
            pairs.append(Pair.prepare(image, labels, weight, config.preprocess))
        except ValueError as error:
            raise ConfigError(f"{record.image_path}: {error}") from error
    if notes:
        say(f"labels cleaned: {notes}")
    _refuse_empty(dataset, [pair.labels.max() > 0 for pair in pairs], say)
    return pairs


def _refuse_empty(dataset: Dataset, shows: Sequence[bool], say: Callable[[str], None]) -> None:
    """Say how many images show no nucleus; `DatasetError` where none does: all would be right."""
    lone = [
        record for record, any_there in zip(dataset.records, shows, strict=True) if not any_there
    ]
    if not lone:
        return
    if len(lone) == len(dataset):
        raise DatasetError(
            f"{dataset}: no label image holds a nucleus (such as {lone[0].label_paths[0]})",
            "save the numbers of the nuclei, above 0",
        )
    say(
        f"{len(lone)} of {len(dataset)} label images hold no nucleus: "
        f"{name_some([record.image_id for record in lone])}; if there are some, label them"
    )


def _pseudo_fingerprint(folder: Path, segmenter: Segmenter) -> str:
    return f"{images_fingerprint(find_images([folder]))} by {segmenter.bundle.fingerprint}"


def _peak_memory() -> str:
    """Largest memory of this process, and the largest of those that cut its crops."""
    try:
        import resource
    except ImportError:  # not on Windows
        return "unknown"
    unit = 2**30 if sys.platform == "darwin" else 2**20
    own, worker = (
        resource.getrusage(who).ru_maxrss / unit
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return f"{own:.1f} GB, of a loader process {worker:.1f} GB"


def _write_maps(
    run: TrainingRun,
    held_out: Sequence[tuple[Record, str]],
    weights: Path,
    device: str,
    say: Callable[[str], None],
) -> None:
    """Compute the maps of images that a network has not seen, each of its sort."""
    missing = [(record, sort) for record, sort in held_out if not run.has_maps(record, sort)]
    if not missing:
        return
    say(f"out-of-fold maps of {len(missing)} images")
    predictor = Predictor(load_network(weights), run.config.predict, device)
    for record, sort in missing:
        image = preprocess(read_image(record.image_path), run.config.preprocess)
        run.write_maps(record, predictor.predict(image).maps, sort)
