"""The ``nucleisplit`` program: its commands and the options of them all."""

import click

from nucleisplit import __version__
from nucleisplit.cli.group import LazyGroup

COMMANDS = {
    "infer": ("nucleisplit.cli.infer", "Outline, separate and measure the nuclei of images."),
    "evaluate": ("nucleisplit.cli.evaluate", "Score label images against the truth."),
    "report": ("nucleisplit.cli.report", "Show what infer wrote on one page, HTML."),
    "convert": ("nucleisplit.cli.convert", "Convert labels between formats."),
    "train": ("nucleisplit.cli.train", "Train both stages on your own labels; write a model."),
    "train-unet": ("nucleisplit.cli.train_unet", "Train the networks, stage 1."),
    "train-trees": ("nucleisplit.cli.train_trees", "Train the trees, stage 2; write a model."),
    "quantize": ("nucleisplit.cli.quantize", "Make a model faster, with networks in int8."),
    "export": ("nucleisplit.cli.export", "Write a model's networks for other programs."),
    "models": ("nucleisplit.cli.models", "List models: what they are, how well they do."),
    "info": ("nucleisplit.cli.info", "Show what is installed, and which backend is used."),
    "completion": ("nucleisplit.cli.completion", "Let the shell complete commands and options."),
}


@click.group(
    cls=LazyGroup, homes=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="nucleisplit")
def main() -> None:
    """Find every nucleus in microscope images, split touching ones, measure them.

    \b
    nucleisplit infer images/                      outlines and a table, in images-nuclei/
    nucleisplit report images-nuclei/              look at them on one page
    nucleisplit train DATA --out MODEL             train on your own labels; or in two steps:
    nucleisplit train-unet DATA --out RUN          the networks,
    nucleisplit train-trees RUN --out MODEL        then the trees, giving a model
    nucleisplit infer images/ --model MODEL        use it
    nucleisplit evaluate images-nuclei/ labels/    score it
    nucleisplit convert images-nuclei/ rois/ --to roi    outlines for other programs
    nucleisplit COMMAND --help                     all options of a command, with examples
    """
