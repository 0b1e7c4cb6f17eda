"""Stage 1 of a training run: one network per fold, out-of-fold maps, one network on everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from nucleisplit.bundle import Bundle
from nucleisplit.config import RunConfig
from nucleisplit.errors import ConfigError
from nucleisplit.io import CleaningNotes, Dataset, Record, load_dataset, read_image
from stage1_unet import Pair, Predictor, load_network, preprocess, train_network

from .curves import draw_curves
from .run import TrainingRun


def train_unet(
    data: Path,
    out: Path,
    config: RunConfig,
    *,
    table: Path | None = None,
    group: str | None = None,
    folds: int = 4,
    device: str = "auto",
    initial: Bundle | None = None,
    progress: bool = True,
    say: Callable[[str], None] = click.echo,
) -> TrainingRun:
    """Train every network of a run, or finish training them.

    Parameters
    ----------
    data : Path
        Dataset folder, see `load_dataset`, as are `table`, `group` and `folds`.
    out : Path
        Folder of the run. The same call goes on where an interrupted one was.
    config : RunConfig
    device : {"auto", "cpu", "cuda", "mps"}
    initial : Bundle, optional
        A model whose network is the start, instead of fresh weights; it decides which network.
    progress : bool
        Show progress bars.
    say : callable
        Takes each line of the report.

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
    dataset = load_dataset(data, table, group, folds)
    if initial is not None:
        config = config.model_copy(update={"network": initial.config.network})
    run = TrainingRun(
        folder=out,
        data=data,
        table=str(table) if table else None,
        group=group,
        folds=folds,
        fingerprint=dataset.fingerprint,
        config=config,
        initial=initial.fingerprint if initial else None,
    )
    say(f"{len(dataset)} images in {len(dataset.folds)} folds, {data}")
    pairs = _read_pairs(dataset, config, say)
    run.start()  # not before the data are known to be readable

    start = initial.networks()[0] if initial else None

    def train(folder: Path, held_out: int | None) -> Path:
        inside = [p for p, r in zip(pairs, dataset.records, strict=True) if r.fold != held_out]
        outside = [p for p, r in zip(pairs, dataset.records, strict=True) if r.fold == held_out]
        try:
            return train_network(
                inside,
                outside,
                folder,
                config.network,
                config.train,
                device=device,
                initial=start,
                progress=progress,
                say=say,
            )
        except ValueError as error:
            raise ConfigError(f"{folder}: cannot train: {error}") from error

    for fold in dataset.folds:
        say(f"fold {fold}: network")
        weights = train(run.fold_folder(fold), fold)
        held_out = [record for record in dataset.records if record.fold == fold]
        _write_maps(run, held_out, weights, device, say)
        draw_curves(run)
    say("final: network on all images")
    train(run.final_folder, None)
    draw_curves(run)
    return run


def _read_pairs(dataset: Dataset, config: RunConfig, say: Callable[[str], None]) -> list[Pair]:
    """Read everything, each cluster weighted by the square root of its number of images."""
    counts = Counter(record.cluster for record in dataset.records)
    pairs, notes = [], CleaningNotes()
    for record in dataset.records:
        image, labels, repaired = record.read()
        notes += repaired
        weight = counts[record.cluster] ** -0.5
        try:
            pairs.append(Pair.prepare(image, labels, weight, config.preprocess))
        except ValueError as error:
            raise ConfigError(f"{record.image_path}: {error}") from error
    if notes:
        say(f"labels cleaned: {notes}")
    return pairs


def _write_maps(
    run: TrainingRun,
    records: Sequence[Record],
    weights: Path,
    device: str,
    say: Callable[[str], None],
) -> None:
    missing = [record for record in records if not run.has_maps(record)]
    if not missing:
        return
    say(f"out-of-fold maps of {len(missing)} images")
    predictor = Predictor(load_network(weights), run.config.predict, device)
    for record in missing:
        image = preprocess(read_image(record.image_path), run.config.preprocess)
        run.write_maps(record, predictor.predict(image))
