"""The program as a group of commands, each imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from .color import color_wanted
from .exits import MEANINGS
from .guard import WORDS, guarded
from .meant import MEANT_COMMANDS
from .switches import talk_switches

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """Imports a command's module only when that command is needed, so that ``--help`` is instant.

    Parameters
    ----------
    homes
        Name of a command -> the module that holds a function of that name (with ``_`` for ``-``),
        and its summary.
    """

    def __init__(self, *args: Any, homes: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.homes = homes
        self.params.extend(talk_switches())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.homes)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.homes:
            return None
        command = getattr(import_module(self.homes[name][0]), name.replace("-", "_"))
        known = {parameter.name for parameter in command.params}
        command.params.extend(option for option in talk_switches() if option.name not in known)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]):
        """Refuse a command that does not exist, and name one like it."""
        name = args[0]
        if name not in self.homes and not name.startswith("-") and not ctx.resilient_parsing:
            close = [MEANT_COMMANDS[name]] if name in MEANT_COMMANDS else []
            close = close or get_close_matches(name, self.homes, 1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {close[0]}?" if close else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from their table instead of importing each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.homes.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Tell the exit codes, which are those of every command."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in MEANINGS.items()])

    def make_context(self, info_name, args, parent=None, **extra: Any) -> click.Context:
        """Take colours as the environment wants them, and no character for a crash."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        extra.setdefault("color", color_wanted())
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Also keep the words, for what is said of those that cannot be parsed."""
        ctx.meta[WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; one line and an exit code for every error."""
        with guarded(ctx):
            return super().invoke(ctx)
