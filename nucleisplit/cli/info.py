"""``nucleisplit info``: what is installed here, and what computes."""

import sys

import click

from nucleisplit.cli import console
from nucleisplit.cli.exits import PARTLY
from nucleisplit.cli.info_page import info_page
from nucleisplit.cli.options import CONTEXT
from nucleisplit.cli.switches import json_option


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
    console.answer(info_page(content), content)
    for problem in content["problems"]:
        console.error(problem)
    if content["problems"]:
        sys.exit(PARTLY)
