"""The colours that stand for classes of nuclei."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["Color", "class_colors", "hex_color"]

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

_COLOURS: tuple[Color, ...] = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)),
    *((213, 94, 0), (204, 121, 167), (0, 114, 178), (160, 160, 160)),
)
"""Told apart by any colour vision (Okabe, Ito 2008), the black of the original made gray."""


def class_colors(names: Iterable[str], own: Mapping[str, str] | None = None) -> dict[str, Color]:
    """Return the colour of each class: its own where it has one, else the next that is free.

    Parameters
    ----------
    names : iterable of str
        In order.
    own : mapping, optional
        Name to ``#rrggbb``.

    Examples
    --------
    >>> class_colors(["a", "b"], {"b": "#e69f00"})
    {'a': (86, 180, 233), 'b': (230, 159, 0)}
    """
    given = {name: _from_hex(text) for name, text in (own or {}).items()}
    free = [colour for colour in _COLOURS if colour not in given.values()] or list(_COLOURS)
    found: dict[str, Color] = {}
    for name in names:
        others = len(found.keys() - given.keys())
        found[name] = given.get(name) or free[others % len(free)]
    return found


def hex_color(color: Color) -> str:
    """Write a colour as ``#rrggbb``."""
    return f"#{bytes(color).hex()}"


def _from_hex(text: str) -> Color:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red, green, blue
