"""The progress bar: on a terminal, in its colours and characters, and nowhere else."""

import io
import re
import sys

import click
import pytest

from nucleisplit.cli.console import set_talk
from nucleisplit.cli.progress import progress_bar

COLOR = re.compile(r"\x1b\[[0-9;]*[1-9][0-9;]*m")


class Stream(io.TextIOWrapper):
    """A standard error that is a terminal, or not."""

    def __init__(self, terminal, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, errors="backslashreplace")
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def written(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture
def show(monkeypatch):
    def show(terminal=True, encoding="utf-8", color=None, quiet=False, **environment):
        for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", **environment}.items():
            monkeypatch.setenv(name, value)
        stream = Stream(terminal, encoding)
        monkeypatch.setattr(sys, "stderr", stream)
        context = click.Context(click.Command("any"), color=color)
        with context:
            if quiet:
                set_talk(context, "quiet")
            with progress_bar("segmenting") as progress:
                progress(1, 2, None)
                progress(2, 2, {})
        return stream.written()

    return show


@pytest.mark.parametrize(
    ("options", "colored"),
    [({}, True), ({"color": False}, False), ({"NO_COLOR": "1"}, False)],
)
def test_a_bar_on_a_terminal(show, options, colored):
    page = show(**options)
    assert "segmenting" in page and "2/2" in page
    assert bool(COLOR.search(page)) == colored


@pytest.mark.parametrize(
    "options", [{"terminal": False}, {"quiet": True}, {"terminal": False, "FORCE_COLOR": "1"}]
)
def test_nothing_elsewhere(show, options):
    assert show(**options) == ""


def test_a_terminal_of_few_characters(show):
    page = show(encoding="ascii")
    assert "segmenting" in page and "2/2" in page
    assert page.isascii() and "\\u" not in page
