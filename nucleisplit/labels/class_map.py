"""The class map of labelled images: what classes there are, their numbers and their colours.

Either ``classes.json``, a list of classes, whose numbers count from 1,

    [{"name": "tumour", "colour": "#d62728"}, {"name": "stroma"}]

or ``type_info.json`` of HoVer-Net: number to name and colour, ``{"1": ["tumour", [214, 39, 40]]}``.
It lies in the folder of the labels, or in the one above.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucleisplit.errors import InputError
from nucleisplit.files import load_json
from nucleisplit.names import brief
from nucleisplit.palette import hex_color

__all__ = ["ClassMap", "find_class_map", "read_class_map"]

_NAMES = ("classes.json", "type_info.json")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class ClassMap:
    """What a file says of classes."""

    path: Path
    names: dict[int, str]
    """By number, from 1."""
    colors: dict[str, str] = field(default_factory=dict)
    """``#rrggbb`` by name, of those that have a colour."""

    def name_of(self, number: int, where: Path) -> str:
        """Return the name of a class; `InputError` where there is none.

        Parameters
        ----------
        number : int
        where : Path
            The file that has the number, for the message.
        """
        if number not in self.names:
            raise InputError(
                f"{where}: has nuclei of type {number}, which has no name in {self.path}",
                f"add it there, after {', '.join(self.names.values())}",
            )
        return self.names[number]


def find_class_map(folder: Path) -> ClassMap | None:
    """Return the class map of a folder of labels, from it or the one above; None without one.

    Raises
    ------
    InputError
        It cannot be read, or is wrong.
    """
    places = [place / name for place in (folder, folder.resolve().parent) for name in _NAMES]
    path = next((path for path in places if path.is_file()), None)
    return None if path is None else read_class_map(path)


def read_class_map(path: Path) -> ClassMap:
    """Read a class map.

    Raises
    ------
    InputError
        The file cannot be read, is no class map, a colour is none, or a name or a colour occurs
        twice.
    """
    content = load_json(path, "a class map")
    try:
        entries = [
            (int(number), str(name).strip(), _colour(colour))
            for number, name, colour in _entries(content)
        ]
        if not entries or not all(name for _, name, _ in entries):
            raise ValueError("a class without a name" if entries else "no classes")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is damaged, or is no class map ({type(error).__name__}: {brief(error)})",
            'write [{"name": "tumour", "colour": "#d62728"}, ...]',
        ) from None
    names: dict[int, str] = {}
    colours: dict[str, str] = {}
    for number, name, colour in entries:
        if name in names.values() or number in names:
            what = f"the class {name!r}" if name in names.values() else f"the number {number}"
            raise InputError(f"{path}: has {what} twice", "give each class a name of its own")
        names[number] = name
        if not colour:
            continue
        if other := next((n for n, c in colours.items() if c == colour), None):
            raise InputError(
                f"{path}: {other!r} and {name!r} have the same colour, {colour}",
                "give each class a colour of its own",
            )
        colours[name] = colour
    return ClassMap(path, names, colours)


def _entries(content: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Yield number, name and colour of each class; 0 stands for none."""
    if isinstance(content, list):
        for number, entry in enumerate(content, start=1):
            yield number, entry["name"], entry.get("colour", entry.get("color"))
        return
    for number, (name, colour) in content.items():
        if int(number):
            yield number, name, colour


def _colour(value: Any) -> str:
    """Return a colour as ``#rrggbb``, in small letters; empty for none."""
    if value is None:
        return ""
    if isinstance(value, str):
        if not _COLOUR.fullmatch(value):
            raise ValueError(f"{value!r} is no colour such as #d62728")
        return value.lower()
    red, green, blue = value
    return hex_color((red, green, blue))
