"""Everything that can be told of the environment, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["describe_environment"]

_PARTS = {
    "program": ("software", "describe_program"),
    "libraries": ("software", "describe_libraries"),
    "extras": ("software", "describe_extras"),
    "processor": ("hardware", "describe_processor"),
    "memory": ("hardware", "describe_memory"),
    "devices": ("hardware", "describe_devices"),
    "backends": ("backends", "describe_backends"),
    "caches": ("caches", "describe_caches"),
}


def describe_environment() -> dict[str, Any]:
    """Collect what the modules of this package tell, as plain values.

    Returns
    -------
    dict
        Each part by its name, None where it cannot be told, since a library is broken or the
        bundled model is damaged; and ``problems``, a list with a line for each such part and for
        each library that is missing.
    """
    problems: list[str] = []
    content = {part: _attempt(part, *home, problems) for part, home in _PARTS.items()}
    libraries = content["libraries"] or {}
    problems += [f"{name} is not installed" for name, version in libraries.items() if not version]
    return content | {"problems": problems}


def _attempt(part: str, module: str, name: str, problems: list[str]) -> Any:
    """Import a module only now, since that may fail, too."""
    try:
        tell: Callable[[], Any] = getattr(import_module(f".{module}", __package__), name)
        return tell()
    except Exception as error:  # a broken library may raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        problems.append(f"{part}: {reason}")
        return None
