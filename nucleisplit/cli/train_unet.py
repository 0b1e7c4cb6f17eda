"""``nucleisplit train-unet``: your labelled images in, networks and out-of-fold maps out."""

import signal
from pathlib import Path
from typing import Any

import click

from nucleisplit.cli import console
from nucleisplit.cli.completers import complete_models
from nucleisplit.cli.guard import need_training
from nucleisplit.cli.options import (
    CONTEXT,
    EXISTING_FOLDER,
    beside,
    config_option,
    device_option,
    out_option,
)
from nucleisplit.cli.progress import progress_bar


def _parse_only(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> list[int | None] | None:
    """Take numbers of folds, and `final` as None; nothing given is no list at all."""
    for word in words:
        if word != "final" and not word.isdecimal():
            raise click.BadParameter(f"{word!r} is neither the number of a fold nor final")
    return [None if word == "final" else int(word) for word in words] or None


@click.command("train-unet", context_settings=CONTEXT)
@click.argument("data", type=EXISTING_FOLDER, nargs=-1, required=True)
@out_option("Folder of the run. Default: beside the (first) data, data/ gives data-run/.")
@click.option(
    "--folds",
    type=click.IntRange(2),
    default=4,
    show_default=True,
    metavar="N",
    help="Folds to make, unless the table has a column fold.",
)
@click.option(
    "--table",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Table with image_id and optionally fold, group, kind. Default: DATA/folds.csv if there.",
)
@click.option(
    "--group",
    metavar="COLUMN",
    help="Column whose images must share a fold. Default: group or mosaic if there.",
)
@click.option(
    "--by-kind",
    is_flag=True,
    help="Let the network of each fold leave out whole kinds of image, too, so that the trees also "
    "learn from maps of kinds that a network has never seen. Takes no longer.",
)
@config_option
@click.option(
    "--init",
    shell_complete=complete_models,
    metavar="NAME|PATH",
    help="Start from the network of this model instead of fresh weights; or from those of another "
    "run on the same folds, each fold from its own. The learning rate is then 5e-4, for "
    "fine-tuning, unless --config sets lr.",
)
@click.option(
    "--pseudo",
    type=EXISTING_FOLDER,
    metavar="FOLDER",
    help="Also train on these unlabelled images, labelled by a model where it is confident.",
)
@click.option(
    "--pseudo-model",
    "labeller",
    default="default",
    show_default=True,
    shell_complete=complete_models,
    metavar="NAME|PATH",
    help="The model that labels them.",
)
@click.option(
    "--only",
    multiple=True,
    callback=_parse_only,
    metavar="FOLD|final",
    help="Train only the network of this fold, or the final one; may be repeated. So several "
    "processes or GPUs share the work of one run.",
)
@device_option
def train_unet(
    data: tuple[Path, ...],
    out: Path | None,
    config: Path | None,
    init: str | None,
    **options: Any,
) -> None:
    """Train one network per fold of DATA, keep its out-of-fold maps, then one on everything.

    DATA holds images/ and labels/ (or masks/) with equal file names, images with the masks of
    Cellpose beside them, or the layout of the Data Science Bowl 2018; several folders make one
    dataset, each a kind of image unless its table has a column kind. If it is stopped, the
    same command resumes.

    \b
    nucleisplit train-unet data/ --out run/
    nucleisplit train-unet fluorescence/ tissue/ smears/ --by-kind --out run/
    nucleisplit train-unet data/ --config train.toml --device cuda
    nucleisplit train-unet data/ --init default          fine-tune the bundled model
    nucleisplit train-unet data/ --init run/ --out longer/          train a run for longer
    nucleisplit train-unet data/ --pseudo unlabelled/
    nucleisplit train-unet data/ --only 0 & nucleisplit train-unet data/ --only 1
    """
    need_training()
    from nucleisplit.config import load_config
    from nucleisplit.datasets import find_pairs
    from nucleisplit.training import TrainingRun

    settings = load_config(config)
    out = out or beside(data[0], "run")
    TrainingRun.refuse_other(out)
    for folder in data:
        find_pairs(folder)
    from nucleisplit.training import Start
    from nucleisplit.training import train_unet as train

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # lightning has its own way to heed it
    with progress_bar("training") as show:
        train(
            data,
            out,
            settings,
            start=Start.find(init) if init else None,
            say=console.answer,
            progress=lambda done, total: show(done, total, None),
            **options,
        )
    rest = "the same command without --only, when all parts are done"
    console.answer(f"next: {rest if options['only'] else f'nucleisplit train-trees {out}'}")
