"""What ``info`` found, as text."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from nucleisplit.extras import install_command

__all__ = ["info_page"]

_WIDTH = 100
_INDENT = 12


def info_page(content: dict[str, Any]) -> str:
    """Write the answer of `describe_environment`, a heading and lines for each part of it.

    Parts that could not be told are left out.
    """
    parts = {
        "program": _program,
        "processor": _processor,
        "memory": _memory,
        "devices": _devices,
        "backends": _backends,
        "libraries": _versions,
        "extras": _extras,
        "caches": _caches,
    }
    return "\n".join(
        _section(name, write(content[name]))
        for name, write in parts.items()
        if content[name] is not None
    )


def _section(name: str, lines: list[str]) -> str:
    wrapped = [part for line in lines for part in textwrap.wrap(line, _WIDTH - _INDENT)]
    first, *rest = wrapped or ["none"]
    heading = click.style(name.ljust(_INDENT), bold=True)
    return "\n".join([heading + first, *(" " * _INDENT + line for line in rest)])


def _program(told: dict) -> list[str]:
    return [
        f"nucleisplit {told['version']} in {told['folder']}",
        f"Python {told['python']}, {told['executable']}",
        told["system"],
    ]


def _processor(told: dict) -> list[str]:
    usable = f" ({told['usable']} usable)" if told["usable"] not in (None, told["cores"]) else ""
    known = told["instructions"]
    instructions = "instructions unknown" if known is None else ", ".join(known) or "no AVX2"
    return [f"{told['name']}, {told['machine']}, {told['cores']} cores{usable}", instructions]


def _memory(told: dict) -> list[str]:
    total = "unknown" if told["total"] is None else f"{told['total'] / 2**30:.1f} GiB"
    limit = "" if told["limit"] is None else f", limited to {told['limit'] / 2**30:.1f} GiB"
    return [total + limit]


def _devices(told: list[dict]) -> list[str]:
    return [
        f"{device['name']}: {device['title']}"
        + (f", {device['memory'] / 2**30:.1f} GiB" if device["memory"] else "")
        for device in told
    ]


def _backends(told: dict) -> list[str]:
    lines = [f"auto takes {told['backend']} on {told['device']}: {told['reason']}"]
    working = [name for name, error in told["errors"].items() if error is None]
    if working:
        lines.append(f"can compute the model {told['model']}: {', '.join(working)}")
    return lines + [f"not {name}: {error}" for name, error in told["errors"].items() if error]


def _versions(told: dict) -> list[str]:
    return [", ".join(f"{name} {version or '(missing)'}" for name, version in told.items())]


def _extras(told: dict) -> list[str]:
    lines = []
    for extra, libraries in told.items():
        missing = [name for name, version in libraries.items() if version is None]
        if missing:
            remedy = install_command(extra)
            lines.append(f"{extra}: no, {', '.join(missing)} missing; {remedy}")
        else:
            lines.append(f"{extra}: yes, {_versions(libraries)[0]}")
    return lines


def _caches(told: list[dict]) -> list[str]:
    return [
        f"{cache['path']}: {cache['content']}, "
        + (f"{cache['bytes'] / 1e6:.1f} MB" if cache["exists"] else "not there yet")
        for cache in told
    ]
