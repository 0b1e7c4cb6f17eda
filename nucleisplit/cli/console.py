"""What the program says: the answer on stdout, all else on stderr, as much as was asked for.

The streams are named, since click would write UTF-8 into those that were asked to be ASCII.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any, TextIO

import click

__all__ = [
    "answer",
    "detail",
    "error",
    "failure",
    "is_quiet",
    "is_verbose",
    "note",
    "set_talk",
    "wants_json",
]

_KEY = "nucleisplit.talk"
_LOGGERS = ("nucleisplit", "stage1_unet", "stage2_trees")


@dataclass
class _Talk:
    """The options of the program and of the command together."""

    verbose: bool = False
    quiet: bool = False
    debug: bool = False
    json: bool = False
    document: TextIO | None = None
    """Where the JSON document goes: stdout as it was before it was closed to all else."""


def answer(text: str, content: Any = None) -> None:
    """Print what the command was asked for: the text, or with ``--json`` the content.

    A text without a content is no part of that one document, and goes to stderr then.
    """
    talk = _talk()
    if talk.json and content is not None:
        _print_document(talk, content)
    else:
        click.echo(text, file=sys.stdout)


def note(text: str) -> None:
    """Say what a user should know, on stderr; not with ``--quiet``."""
    if not _talk().quiet:
        click.echo(_one_line(text), file=sys.stderr)


def detail(text: str) -> None:
    """Say what is going on, on stderr; only with ``--verbose``."""
    if _talk().verbose:
        click.echo(_one_line(text), file=sys.stderr)


def error(text: str) -> None:
    """Say on stderr, in one line, what is wrong."""
    prefix = click.style("nucleisplit:", fg="red", bold=True)
    click.echo(f"{prefix} {_one_line(text)}", file=sys.stderr)


def failure(text: str, told: bool = False) -> None:
    """Say why the command ends without an answer; with ``--json`` that is the document.

    `told` is whether stderr has it already.
    """
    talk = _talk()
    if not told:
        if talk.debug:
            traceback.print_exc()
        error(text)
    if talk.json:
        _print_document(talk, {"error": _one_line(text)})


def is_quiet() -> bool:
    """Whether only errors are to be printed."""
    return _talk().quiet


def is_verbose() -> bool:
    """Whether more is to be said than usual."""
    return _talk().verbose


def wants_json() -> bool:
    """Whether the answer is to be a JSON document."""
    return _talk().json


def set_talk(context: click.Context, name: str) -> None:
    """Put ``verbose``, ``quiet``, ``debug`` or ``json`` into effect until the program ends.

    Raises
    ------
    UsageError
        Both ``verbose`` and ``quiet`` are asked for.
    """
    talk, root = _talk(context), context.find_root()
    setattr(talk, name, True)
    if talk.verbose and talk.quiet:
        raise click.UsageError("--verbose and --quiet exclude each other", context)
    talk.document = talk.document or sys.stdout
    if name == "quiet":
        nowhere = root.with_resource(open(os.devnull, "w", encoding="utf-8"))
        root.with_resource(redirect_stdout(nowhere))
        root.with_resource(warnings.catch_warnings())
        warnings.simplefilter("ignore")
    elif name == "json" and not talk.quiet:
        root.with_resource(redirect_stdout(sys.stderr))
    elif name in ("verbose", "debug"):
        _listen(root, logging.DEBUG if talk.debug else logging.INFO)


def _talk(context: click.Context | None = None) -> _Talk:
    context = context or click.get_current_context(silent=True)
    return _Talk() if context is None else context.meta.setdefault(_KEY, _Talk())


def _one_line(text: str) -> str:
    """Join lines, and spell out what a name of a file could do to a terminal."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


def _print_document(talk: _Talk, content: Any) -> None:
    """Print in ASCII, which every terminal can show; NaN and infinity become null."""
    text = json.dumps(content, default=lambda value: getattr(value, "tolist", value.__str__)())
    plain = json.loads(text, parse_constant=lambda _: None)
    click.echo(json.dumps(plain, indent=2, allow_nan=False), file=talk.document)


class _Echo(logging.Handler):
    """Prints records of our own loggers on stderr, above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), file=sys.stderr)


def _listen(root: click.Context, level: int) -> None:
    """Print what the libraries log at this level or above."""
    handler = _Echo(level)
    form = "%(name)s: %(message)s" if level < logging.INFO else "%(message)s"
    handler.setFormatter(logging.Formatter(form))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.handlers = [h for h in logger.handlers if not isinstance(h, _Echo)]
        logger.addHandler(handler)
        logger.setLevel(level)

    @root.call_on_close
    def stop() -> None:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
