"""A progress bar on a terminal, silence in a log file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, int, dict | None], None]]:
    """Yield a function ``(done, total, entry)`` that keeps a bar with the time left up to date.

    Nothing is shown when the standard error is not a terminal.
    """
    if not sys.stderr.isatty():
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
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total, entry: bar.update(task, completed=done, total=total)
