"""How a command ends: every error is one line and an exit code, never a traceback unasked."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import click

from nucleisplit.errors import ConfigError, InputWarning, NucleisplitError
from nucleisplit.extras import (
    TRAINING_LIBRARIES,
    install_command,
    missing_libraries,
    training_command,
)

from . import console
from .exits import FAILED, INTERRUPTED, TERMINATED
from .meant import suggest_option

__all__ = ["WORDS", "guarded"]

WORDS = "nucleisplit.words"
"""Where a context keeps the words of the command line."""

_GOING_ON = {
    "infer": "; repeat the command with --resume to go on",
    "train": "; repeat the command to go on",
    "train-unet": "; repeat the command to go on",
}
"""The commands that go on where they were stopped."""


_READING = {"--axes", "--channel", "--level", "--max-pixels", "--mpp", "--scene", "--t", "--z"}
"""Options that say how a file is read, which hints name and not every command has."""


class _Terminated(KeyboardInterrupt):
    """SIGTERM: what is half-written is removed, as after Ctrl-C."""


@contextmanager
def guarded(context: click.Context) -> Iterator[None]:
    """Parse and run a command of the program within this; exits where that raises."""
    try:
        with _heeding_signals(), _noting_warnings():
            yield
    except click.UsageError as error:
        if isinstance(error, click.NoSuchOption):
            suggest_option(error)
        if "--json" in context.meta[WORDS]:
            console.set_talk(context, "json")
        console.failure(error.format_message(), told=True)
        raise
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except NucleisplitError as error:
        _fail(_with_fitting_hint(context, error))
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output has gone; click knows
            raise
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}; check the path and its permissions")
    except MemoryError:
        _fail("there is not enough memory; close other programs, or do less at a time")
    except KeyboardInterrupt as stop:
        _stop(context, TERMINATED if isinstance(stop, _Terminated) else INTERRUPTED)
    except SystemExit as stop:
        if stop.code == TERMINATED:
            _stop(context, TERMINATED)
        raise
    except Exception as error:
        missing = (getattr(error, "name", None) or "").partition(".")[0]
        if isinstance(error, ImportError) and missing in TRAINING_LIBRARIES:
            _fail(f"{missing} is not installed; {training_command()}")
        what = f"{type(error).__name__}: {error}".removesuffix(": ")
        _fail(f"failed with {what}; repeat with --debug and report what is shown")


def need_training(*more: str, extra: str = "train") -> None:
    """Refuse at once what cannot be done without the extra ``train``, or one that includes it.

    Parameters
    ----------
    *more
        Libraries that the extra brings beside those of ``train``.
    extra
        Its name, see setup.cfg.

    Raises
    ------
    ConfigError
        A library of it is missing.
    """
    if missing := missing_libraries(*TRAINING_LIBRARIES, *more):
        remedy = training_command() if extra == "train" else install_command(extra)
        raise ConfigError(f"not installed: {', '.join(missing)}", hint=remedy)


def _with_fitting_hint(context: click.Context, error: NucleisplitError) -> str:
    """The line of an error; where its hint names options the command lacks, another remedy."""
    name = context.invoked_subcommand
    command = cast(click.Group, context.command).get_command(context, name) if name else None
    known = {option for one in (command.params if command else ()) for option in one.opts}
    lacking = (set(re.findall(r"--[a-z-]+", error.hint or "")) & _READING) - known
    if not (command and lacking):
        return str(error)
    options = ", ".join(sorted(lacking))
    return f"{error.message}; save what is to be read as a file of its own, {name} has no {options}"


def _fail(message: str) -> None:
    console.failure(message)
    sys.exit(FAILED)


def _stop(context: click.Context, code: int) -> None:
    remedy = _GOING_ON.get(context.invoked_subcommand or "", "")
    console.failure(("interrupted" if code == INTERRUPTED else "terminated") + remedy)
    sys.exit(code)


@contextmanager
def _noting_warnings() -> Iterator[None]:
    """Say what is wrong with a file that can be used as other notes are said, once."""
    said: set[str] = set()

    def show(message, category, *place) -> None:
        if not issubclass(category, InputWarning):
            shown_before(message, category, *place)
        elif str(message) not in said:
            said.add(str(message))
            console.note(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        shown_before: Any = warnings.showwarning
        warnings.showwarning = show  # type: ignore[assignment]
        yield


@contextmanager
def _heeding_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM raise; in processes forked from this one SIGTERM ends them as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def heed(number: int, _frame: object) -> None:
        if os.getpid() == owner:
            raise _Terminated
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = signal.signal(signal.SIGTERM, heed)
    at_start = signal.getsignal(signal.SIGINT)
    if at_start is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
        signal.signal(signal.SIGINT, at_start or signal.SIG_DFL)
