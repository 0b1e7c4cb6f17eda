"""What is meant by the words of other programs."""

from __future__ import annotations

from typing import Any

__all__ = ["MEANT_COMMANDS", "suggest_option"]

MEANT_COMMANDS = {
    "help": "--help",
    "predict": "infer",
    "run": "infer",
    "score": "evaluate",
    "segment": "infer",
}
"""Commands that do not exist -> what is suggested."""

_MEANT_OPTIONS = {
    "--cuda": "--device cuda",
    "--gpu": "--device cuda",
    "--use-gpu": "--device cuda",
    "--use_gpu": "--device cuda",
    "--pretrained_model": "--model",
    "--savedir": "--out",
}
"""Options that no command has -> what is suggested to those commands that have it."""


def suggest_option(error: Any) -> None:
    """Name what is meant by an option that does not exist, in place of what looks alike."""
    meant = _MEANT_OPTIONS.get(error.option_name)
    command = error.ctx.command if error.ctx else None
    known = {name for each in (command.params if command else ()) for name in each.opts}
    if meant and meant.split()[0] in known:
        error.possibilities = [meant]
