"""``nucleisplit train-trees``: a finished run of train-unet, or corrected images; a model out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    "--classes",
    "labelled",
    type=EXISTING_FOLDER,
    metavar="LABELLED",
    help="Instead of RUN: let --model also tell the classes of nuclei, learnt from a folder of "
    "labels with classes.",
)
@click.option(
    "--drop-unlabelled",
    is_flag=True,
    help="With --classes, where every nucleus of the images is labelled: also learn which outlines "
    "show none of them, and drop what looks like that.",
)
@click.option(
    "--model",
    default="default",
    show_default=True,
    shell_complete=complete_models,
    metavar="NAME|PATH",
    help="With --add: the model whose networks are used and whose trees learn. With --classes: the "
    "model that learns classes; it still finds the same nuclei.",
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
    labelled: Path | None,
    drop_unlabelled: bool,
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

    With --classes, a model that is there also learns what kind each nucleus is, from a few hundred
    nuclei of known class: images/, labels/ and classes.csv (image, label, class). Networks and
    outlines stay. Prints how well classes are recognised, out of fold. A RUN whose data have
    classes learns them, too; [classes] of --config says which to drop.

    \b
    nucleisplit train-trees run/ --out model/
    nucleisplit train-trees run/ --labels oof/
    nucleisplit evaluate oof/ data/ --groups data/folds.csv cluster
    nucleisplit train-trees --add corrected/ --out mine/
    nucleisplit train-trees --classes labelled/ --out mine/
    nucleisplit train-trees --classes labelled/ --drop-unlabelled --out mine/
    nucleisplit infer images/ --model mine/
    """
    given = [folder for folder in (run, corrected, labelled) if folder is not None]
    if len(given) != 1:
        raise click.UsageError("give RUN, --add CORRECTED or --classes LABELLED, one of them")
    if drop_unlabelled and not labelled:
        raise click.UsageError("--drop-unlabelled goes with --classes")
    if labels and not run:
        raise click.UsageError("--labels goes with RUN")
    need_training()
    from nucleisplit.config import load_config
    from nucleisplit.model import check_replaceable, load_bundle
    from nucleisplit.training import TrainingRun

    settings = load_config(config)
    out = out or beside(given[0], "model")
    check_replaceable(out, overwrite)
    if run:
        TrainingRun.open(run)
    base = None if run else load_bundle(model)
    from nucleisplit import training

    note_compiling()
    common: dict[str, Any] = {"overwrite": overwrite, "say": console.answer}
    if corrected and base:
        bundle = training.add_corrections(
            corrected, base, out, settings.adapt, device=device, **common
        )
    elif labelled and base:
        common |= {"limits": settings.classes, "drop_unlabelled": drop_unlabelled}
        bundle = training.add_classes(labelled, base, out, device=device, **common)
    else:
        bundle = training.train_trees(given[0], out, settings, labels=labels, **common)
    tell_model(bundle)


def tell_model(bundle: Bundle) -> None:
    """Say which model was made, and how to use it."""
    scores = bundle.manifest.scores
    console.answer(
        f"{bundle.path}: model {bundle.fingerprint[:12]}",
        {"out": bundle.path, "fingerprint": bundle.fingerprint, "scores": scores},
    )
    console.answer(f"next: nucleisplit infer IMAGES --model {shlex.quote(str(bundle.path))}")
