"""A progress bar on a terminal, silence in a log file and with ``--quiet``."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from .console import is_quiet


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, int, dict | None], None]]:
    """Yield a function ``(done, total, entry)`` that keeps a bar with the time left up to date."""
    if is_quiet() or not sys.stderr.isatty():
        yield lambda done, total, entry: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    context = click.get_current_context(silent=True)
    plain = context is not None and context.color is False
    console = Console(stderr=True, no_color=plain or None)
    # lines for stdout go above the bar where both are one terminal, else where they are awaited
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total, entry: bar.update(task, completed=done, total=total)
