"""``nucleisplit train-trees``: a finished run of train-unet, or corrected images; a model out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucleisplit.cli import console
from nucleisplit.cli.compiling import note_compiling
from nucleisplit.cli.completers import complete_models
from nucleisplit.cli.options import (
    CONTEXT,
    EXISTING_FOLDER,
    beside,
    config_option,
    device_option,
    out_option,
    overwrite_option,
)
from nucleisplit.cli.switches import json_option

if TYPE_CHECKING:
    from nucleisplit.model import Bundle


@click.command("train-trees", context_settings=CONTEXT)
@click.argument("run", type=EXISTING_FOLDER, required=False)
@out_option("Folder of the model. Default: beside RUN or CORRECTED, run/ gives run-model/.")
@click.option(
    "--add",
    "corrected",
    type=EXISTING_FOLDER,
    metavar="CORRECTED",
    help="Instead of RUN: let the trees of --model learn from a folder of corrected images.",
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    shell_complete=complete_models,
    metavar="NAME|PATH",
    help="With --add: the model whose networks are used and whose trees learn.",
)
@config_option
@overwrite_option
@click.option(
    "--labels",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="With RUN: also write the out-of-fold label image of every image, for nucleisplit "
    "evaluate.",
)
@device_option
@json_option
def train_trees(
    run: Path | None,
    out: Path | None,
    corrected: Path | None,
    model: str,
    config: Path | None,
    overwrite: bool,
    labels: Path | None,
    device: str,
) -> None:
    """Train the trees on the out-of-fold maps of RUN, or on corrections, and write the model.

    RUN is a finished folder of nucleisplit train-unet. Prints the out-of-fold score of the best
    single-threshold watershed, of a plain re-cut at a few thresholds, of the trees, and of an
    oracle that knows every candidate's true IoU, over all images and by kind; in kind and out of
    kind apart, if the run was made by kind. At the end it compares with the bundled model on the
    same images, unless that was trained on them.

    With --add, the trees of a model that is there learn from a few images whose labels you have
    corrected, images/ and labels/ as for train-unet; the networks stay. It takes seconds, and
    prints the score of these images before and after, each by trees that have not seen it.

    \b
    nucleisplit train-trees run/ --out model/
    nucleisplit train-trees run/ --labels oof/
    nucleisplit evaluate oof/ data/ --groups data/folds.csv cluster
    nucleisplit train-trees --add corrected/ --out mine/
    nucleisplit infer images/ --model mine/
    """
    if (run is None) == (corrected is None):
        raise click.UsageError("give either RUN or --add CORRECTED")
    if corrected and labels:
        raise click.UsageError("--labels goes with RUN")
    from nucleisplit.config import load_config
    from nucleisplit.model import check_replaceable, load_bundle
    from nucleisplit.training import TrainingRun

    settings = load_config(config)
    out = out or beside(run or corrected, "model")
    check_replaceable(out, overwrite)
    base = load_bundle(model) if corrected else TrainingRun.open(run)
    from nucleisplit.training import add_corrections
    from nucleisplit.training import train_trees as train

    note_compiling()
    if corrected:
        bundle = add_corrections(
            corrected,
            base,
            out,
            settings.adapt,
            device=device,
            overwrite=overwrite,
            say=console.answer,
        )
    else:
        bundle = train(run, out, settings, overwrite=overwrite, labels=labels, say=console.answer)
    tell_model(bundle)


def tell_model(bundle: Bundle) -> None:
    """Say which model was made, and how to use it."""
    scores = bundle.manifest.scores
    console.answer(
        f"{bundle.path}: model {bundle.fingerprint[:12]}",
        {"out": bundle.path, "fingerprint": bundle.fingerprint, "scores": scores},
    )
    console.answer(f"next: nucleisplit infer IMAGES --model {shlex.quote(str(bundle.path))}")
