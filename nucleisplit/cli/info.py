"""``nucleisplit info``: what is installed, and which backend is used."""

import sys
import textwrap
from typing import Any

import click

from nucleisplit.cli import console
from nucleisplit.cli.exits import PARTLY
from nucleisplit.cli.options import CONTEXT
from nucleisplit.cli.switches import json_option
from nucleisplit.extras import install_command

_WIDTH, _INDENT = 100, 12


@click.command(context_settings=CONTEXT)
@json_option
def info() -> None:
    """Tell versions, processor, memory, devices, backends, optional extras and cache folders.

    Every backend is tried on the bundled model, which takes some seconds. Add the answer to a
    report of a fault.

    \b
    nucleisplit info
    nucleisplit info --json > machine.json    for programs

    Exit code: 0 all is well, 1 something does not work here (and is named).
    """
    from nucleisplit.environment import describe_environment

    content = describe_environment()
    parts = {name: part for name, part in content.items() if isinstance(part, dict)}
    console.answer("\n".join(_section(name, part) for name, part in parts.items()), content)
    for problem in content["problems"]:
        console.error(problem)
    if content["problems"]:
        sys.exit(PARTLY)


def _section(name: str, part: dict[str, Any]) -> str:
    """Write a heading, and beside it a line for each thing that the part tells."""
    lines = [f"{key}: {_text(value)}{_remedy(key, value)}" for key, value in part.items()]
    wrapped = [part for line in lines for part in textwrap.wrap(line, _WIDTH - _INDENT)]
    heading = click.style(name.ljust(_INDENT), bold=True)
    return heading + ("\n" + " " * _INDENT).join(wrapped)


def _text(value: Any) -> str:
    if isinstance(value, dict):  # versions
        return ", ".join(f"{name} {version or '(missing)'}" for name, version in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "unknown" if value is None else str(value)


def _remedy(key: str, value: Any) -> str:
    """How to install an extra of which a library is missing."""
    is_lacking = isinstance(value, dict) and None in value.values() and key != "needed"
    return f"; {install_command(key)}" if is_lacking else ""
