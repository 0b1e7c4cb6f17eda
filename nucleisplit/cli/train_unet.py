"""``nucleisplit train-unet``: your labelled images in, networks and out-of-fold maps out."""

import sys
from pathlib import Path

import click

from nucleisplit.cli.options import (
    CONTEXT,
    EXISTING_FOLDER,
    config_option,
    device_option,
    out_option,
)


@click.command("train-unet", context_settings=CONTEXT)
@click.argument("data", type=EXISTING_FOLDER)
@out_option("Folder of the run. Default: beside the data, data/ gives data-run/.")
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
    help="Table with image_id and optionally fold, group, cluster. Default: "
    "DATA/folds.csv if there.",
)
@click.option(
    "--group",
    metavar="COLUMN",
    help="Column whose images must share a fold. Default: group or mosaic if there.",
)
@config_option
@click.option(
    "--init",
    metavar="NAME|PATH",
    help="Start from the network of this model instead of fresh weights; or from those of another "
    "run on the same folds, each fold from its own.",
)
@click.option(
    "--pseudo",
    type=EXISTING_FOLDER,
    metavar="FOLDER",
    help="Also train on these unlabelled images, labelled by a model where it is sure of itself.",
)
@click.option(
    "--pseudo-model",
    default="default",
    show_default=True,
    metavar="NAME|PATH",
    help="The model that labels them.",
)
@device_option
def train_unet(
    data: Path,
    out: Path | None,
    folds: int,
    table: Path | None,
    group: str | None,
    config: Path | None,
    init: str | None,
    pseudo: Path | None,
    pseudo_model: str,
    device: str,
) -> None:
    """Train one network per fold of DATA, keep its out-of-fold maps, then one on everything.

    DATA holds images/ and labels/ with equal file names, or the layout of the Data Science
    Bowl 2018. Killed at any moment, the same command goes on where it was.

    \b
    nucleisplit train-unet data/ --out run/
    nucleisplit train-unet data/ --config train.toml --device cuda
    nucleisplit train-unet data/ --init default          fine-tune the bundled model
    nucleisplit train-unet data/ --init run/ --out longer/          train a run for longer
    nucleisplit train-unet data/ --pseudo unlabelled/
    """
    from nucleisplit.config import load_config
    from nucleisplit.training import Start
    from nucleisplit.training import train_unet as train

    out = out or data.resolve().with_name(f"{data.resolve().name}-run")
    train(
        data,
        out,
        load_config(config),
        table=table,
        group=group,
        folds=folds,
        device=device,
        start=Start.find(init) if init else None,
        pseudo=pseudo,
        labeller=pseudo_model,
        progress=sys.stderr.isatty(),
    )
    click.echo(f"next: nucleisplit train-trees {out}")
