"""Options that several commands share."""

from pathlib import Path

import click

CONTEXT = {"help_option_names": ["-h", "--help"]}

EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE_OR_FOLDER = click.Path(path_type=Path)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where the network runs; auto takes a GPU when there is one.",
)

model_option = click.option(
    "--model",
    default="default",
    show_default=True,
    metavar="NAME|PATH",
    help="A bundled model, or the folder of one.",
)

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TOML file with settings of both stages (docs/formats.md); defaults when left out.",
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the outputs of an earlier run."
)


def out_option(help_text: str):
    """``--out``: a path that the command makes, or chooses beside its input by default."""
    return click.option("--out", type=FILE_OR_FOLDER, metavar="DIR", help=help_text)
