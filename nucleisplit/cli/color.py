"""Colours on the terminal, as its user wants them."""

from __future__ import annotations

import os

__all__ = ["color_wanted"]


def color_wanted() -> bool | None:
    """Whether the environment asks for colours; None leaves it to each stream.

    ``NO_COLOR`` (https://no-color.org) goes before ``FORCE_COLOR`` and ``CLICOLOR_FORCE``, these
    before ``CLICOLOR=0`` and a terminal that is dumb.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb":
        return False
    return None
