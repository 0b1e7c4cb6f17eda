"""The options that say how much is said: the program and every command have them."""

from __future__ import annotations

import click

from .console import set_talk

__all__ = ["json_option", "talk_switches"]


def _take(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        set_talk(context, parameter.name)


def _switch(*names: str, says: str) -> click.Option:
    return click.Option(names, is_flag=True, expose_value=False, callback=_take, help=says)


def talk_switches() -> list[click.Option]:
    """``--verbose``, ``--quiet`` and ``--debug``, before or after the name of the command."""
    return [
        _switch("-v", "--verbose", says="Say more: files read, backend, how each image went."),
        _switch("-q", "--quiet", says="Say nothing but errors, and the answer to --json."),
        _switch("--debug", says="Show the full traceback of an error."),
    ]


json_option = click.option(
    "--json",
    is_flag=True,
    expose_value=False,
    callback=_take,
    help="Print the answer as one JSON document (docs/cli.md), and all else on stderr.",
)
