"""``nucleisplit train-trees``: a finished run of train-unet in, a model out."""

from pathlib import Path

import click

from nucleisplit.cli.options import (
    CONTEXT,
    EXISTING_FOLDER,
    config_option,
    out_option,
    overwrite_option,
)


@click.command("train-trees", context_settings=CONTEXT)
@click.argument("run", type=EXISTING_FOLDER)
@out_option("Folder of the model. Default: beside the run, run/ gives run-model/.")
@config_option
@overwrite_option
@click.option(
    "--labels",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Also write the out-of-fold label image of every image, for nucleisplit evaluate.",
)
def train_trees(
    run: Path, out: Path | None, config: Path | None, overwrite: bool, labels: Path | None
) -> None:
    """Train the trees on the out-of-fold maps of RUN and write the model.

    RUN is a finished folder of nucleisplit train-unet. Prints the out-of-fold score of the best
    single-threshold watershed, of a plain re-cut at a few thresholds, of the trees, and of an
    oracle that knows every candidate's true IoU, over all images and by cluster.

    \b
    nucleisplit train-trees run/ --out model/
    nucleisplit train-trees run/ --labels oof/
    nucleisplit evaluate oof/ data/ --groups data/folds.csv cluster
    nucleisplit infer images/ --model model/
    """
    from nucleisplit.config import load_config
    from nucleisplit.training import train_trees as train

    out = out or run.resolve().with_name(f"{run.resolve().name}-model")
    bundle = train(run, out, load_config(config), overwrite=overwrite, labels=labels)
    click.echo(f"{bundle.path}: model {bundle.fingerprint[:12]}")
