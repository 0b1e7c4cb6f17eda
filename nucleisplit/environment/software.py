"""Versions of the program and of what it needs."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import nucleisplit

__all__ = ["describe_extras", "describe_libraries", "describe_program"]

_FOR_MAKERS = {"browser", "dev", "test"}
"""Extras of no use to those who only run the program."""
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


def describe_program() -> dict[str, str]:
    """Tell the version of nucleisplit and Python, and where they are."""
    return {
        "version": nucleisplit.__version__,
        "folder": str(Path(nucleisplit.__file__).parent),
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
    }


def describe_libraries() -> dict[str, str | None]:
    """Tell the version of each library that nucleisplit needs; None where it is missing.

    Those that only another system needs are left out.
    """
    wanted = _requirements("nucleisplit")
    found = {_name(line): _version(_name(line)) for line in wanted}
    conditional = {_name(line) for line in wanted if ";" in line}
    return {name: found[name] for name in sorted(found) if found[name] or name not in conditional}


def describe_extras() -> dict[str, dict[str, str | None]]:
    """Tell the version of each library of the optional extras; None where it is missing.

    Returns
    -------
    dict of dict
        Name of the extra -> library -> version.
    """
    try:
        names = metadata("nucleisplit").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        names = []
    extras = {name: {} for name in sorted(set(names) - _FOR_MAKERS)}
    for name, found in extras.items():
        for line in _requirements("nucleisplit", name):
            found |= {library: _version(library) for library in _libraries(line)}
    return extras


def _requirements(package: str, extra: str | None = None) -> list[str]:
    """What an installed package needs, or one of its extras; nothing where it is a bare folder."""
    try:
        lines = requires(package) or []
    except PackageNotFoundError:
        return []
    asked = [(line, _EXTRA.search(line)) for line in lines]
    return [line for line, found in asked if (found and found[1]) == extra]


def _libraries(requirement: str) -> list[str]:
    """The library of a requirement and those of its extras: dask and distributed, as below."""
    name = _name(requirement)
    inner = re.match(r"[\w.-]+\s*\[([^]]*)\]", requirement)
    extras = [extra.strip() for extra in inner[1].split(",")] if inner else []
    return [name, *(_name(line) for extra in extras for line in _requirements(name, extra))]


def _name(requirement: str) -> str:
    """The library of a requirement such as ``dask[distributed]>=2024.8``."""
    return re.match(r"[\w.-]+", requirement)[0]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
