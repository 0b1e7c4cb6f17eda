"""The ``nucleisplit`` program: finds the commands, turns errors into one line."""

import errno
import logging
import sys
import traceback
from importlib import import_module
from typing import NoReturn

import click

from nucleisplit import __version__
from nucleisplit.errors import NucleisplitError

COMMANDS = {
    "infer": ("nucleisplit.cli.infer", "Outline, separate and measure the nuclei of images."),
    "evaluate": ("nucleisplit.cli.evaluate", "Score label images against the truth."),
    "report": ("nucleisplit.cli.report", "Show what infer wrote on one page, HTML."),
    "convert": ("nucleisplit.cli.convert", "Convert labels between formats."),
    "train-unet": ("nucleisplit.cli.train_unet", "Train the networks, stage 1."),
    "train-trees": ("nucleisplit.cli.train_trees", "Train the trees, stage 2; write a model."),
    "quantize": ("nucleisplit.cli.quantize", "Let a model compute faster, in int8."),
}


class LazyGroup(click.Group):
    """Imports a command's module only when that command runs, so that ``--help`` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return getattr(import_module(COMMANDS[name][0]), name.replace("-", "_"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above instead of importing each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx: click.Context):
        """Run a command; one line and an exit code for every error a user can cause."""
        try:
            return super().invoke(ctx)
        except NucleisplitError as error:
            _fail(ctx, str(error))
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone; click knows
                raise
            place = f"{error.filename}: " if error.filename else ""
            _fail(ctx, f"{place}{error.strerror or error}; check the path and its permissions")
        except KeyboardInterrupt:
            remedy = "repeat the command to go on (infer: with --resume)"
            click.echo(f"nucleisplit: interrupted; {remedy}", err=True)
            sys.exit(130)


def _fail(ctx: click.Context, message: str) -> NoReturn:
    if ctx.params.get("debug"):
        traceback.print_exc()
    click.echo(f"nucleisplit: {message}", err=True)
    sys.exit(2)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nucleisplit")
@click.option("--debug", is_flag=True, help="Show the full traceback of an error.")
def main(debug: bool) -> None:
    """Find every nucleus in microscope images, split touching ones, measure them.

    \b
    nucleisplit infer images/                      outlines and a table, in images-nuclei/
    nucleisplit train-unet DATA --out RUN          train on your own labels: the networks,
    nucleisplit train-trees RUN --out MODEL        then the trees, giving a model
    nucleisplit infer images/ --model MODEL        use it
    nucleisplit evaluate images-nuclei/ labels/    score it
    nucleisplit convert images-nuclei/ rois/ --to roi    outlines for other programs
    """
    if debug:
        logging.basicConfig()
        for name in ("nucleisplit", "stage1_unet"):
            logging.getLogger(name).setLevel(logging.DEBUG)
