"""``nucleisplit train``: your labelled images in, a model out; both stages, one after the other."""

import signal
from pathlib import Path

import click

from nucleisplit.cli import console
from nucleisplit.cli.compiling import note_compiling
from nucleisplit.cli.completers import complete_models
from nucleisplit.cli.guard import need_training
from nucleisplit.cli.options import (
    CONTEXT,
    EXISTING_FOLDER,
    beside,
    config_option,
    device_option,
    out_option,
    overwrite_option,
)
from nucleisplit.cli.progress import progress_bar
from nucleisplit.cli.switches import json_option
from nucleisplit.cli.train_trees import tell_model


@click.command(context_settings=CONTEXT)
@click.argument("data", type=EXISTING_FOLDER, nargs=-1, required=True)
@out_option("Folder of the model. Default: beside the (first) data, data/ gives data-model/.")
@click.option(
    "--init",
    default="default",
    show_default=True,
    shell_complete=complete_models,
    metavar="NAME|PATH|none",
    help="The model whose network is trained further; none: fresh weights.",
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    default=4,
    show_default=True,
    metavar="N",
    help="Folds to make, unless the data have a table with them. Each takes a network of its own.",
)
@config_option
@overwrite_option
@device_option
@json_option
def train(
    data: tuple[Path, ...],
    out: Path | None,
    init: str,
    folds: int,
    config: Path | None,
    overwrite: bool,
    device: str,
) -> None:
    """Train both stages on DATA and write a model: train-unet, then train-trees.

    DATA holds images/ and labels/ with equal file names; see nucleisplit train-unet --help for
    other layouts. What the networks learn is kept in the folder data-run/: if it is stopped,
    the same command resumes. At the end the bundled model and yours are compared on
    the same images.

    \b
    nucleisplit train data/                      gives data-model/
    nucleisplit train data/ --out mine/ --device cuda
    nucleisplit train data/ --init none --config train.toml
    nucleisplit infer images/ --model data-model/
    """
    need_training()
    from nucleisplit.config import load_config
    from nucleisplit.datasets import find_pairs
    from nucleisplit.model import check_replaceable
    from nucleisplit.training import TrainingRun

    settings = load_config(config)
    run, out = beside(data[0], "run"), out or beside(data[0], "model")
    TrainingRun.refuse_other(run)
    check_replaceable(out, overwrite)
    for folder in data:
        find_pairs(folder)
    from nucleisplit.training import Start, train_trees, train_unet

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # lightning has its own way to heed it
    note_compiling()
    with progress_bar("training") as show:
        train_unet(
            data,
            run,
            settings,
            folds=folds,
            device=device,
            start=None if init == "none" else Start.find(init),
            say=console.answer,
            progress=lambda done, total: show(done, total, None),
        )
    tell_model(train_trees(run, out, settings, overwrite=overwrite, say=console.answer))
