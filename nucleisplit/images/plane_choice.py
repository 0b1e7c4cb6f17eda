"""Which plane of a file is meant: nothing is guessed, what is not said is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nucleisplit.errors import ConfigError, InputError

__all__ = [
    "PlaneChoice",
    "PlaneSelection",
    "SeveralImages",
    "check_claim",
    "choose_scene",
    "describe_axes",
    "name_axes",
    "select_plane",
]

KNOWN_AXES = "TCZYXS"
"""Time, channel, depth, rows, columns and the samples of a colour pixel."""
MOST_PIXELS = 2**34
"""Pixels that an image may have; the largest slides have as many."""
_FEW_PIXELS = 2**26
"""Pixels that an image may have whatever the size of its file."""
_MOST_PER_BYTE = 2**14
"""Bytes of pixels that a byte of a file can hold at most, in larger images."""
COLOURS = ("red", "green", "blue")
STACKS = ("each", "3d")
"""Choices of `PlaneChoice.z` that mean a stack: see `ImageSource.stack`."""


@dataclass(frozen=True)
class PlaneChoice:
    """Which plane of a file is meant; what is None has to follow from the file alone.

    Raises
    ------
    ConfigError
        A value is impossible.
    """

    axes: str | None = None
    """Names of the dimensions in the order of the file, where it does not say or is wrong: letters
    of TCZYXS (time, channel, depth, rows, columns, colour samples), such as ``"ZYX"``."""
    channel: str | int | None = None
    """Number (from 0) or name of a channel, or three of them, by commas: red, green and blue."""
    z: str | int | None = None
    """Number of the slice, from 0, or ``"max"``, the maximum over all slices; ``"each"``, every
    slice as an image of its own, or ``"3d"``, the stack as a whole."""
    t: int | None = None
    """Number of the time point, from 0."""
    scene: int | str | None = None
    """Number of the image, from 0, in a file that holds several; in a batch also ``"all"``."""
    image: str | None = None
    """Name of the image in a SpatialData that holds several."""
    level: int | None = None
    """Level of a pyramid; 0, the finest, by default."""
    mpp: float | None = None
    """Pixel size in um: the level that comes closest is taken, within a factor of two."""
    max_pixels: int | None = None
    """How many pixels an image may claim to have; by default as many as its file can hold."""

    def __post_init__(self) -> None:
        for name in ("t", "scene", "level", "max_pixels"):
            value = getattr(self, name)
            if name == "scene" and value == "all":
                continue
            if value is not None and (isinstance(value, str) or value < 0):
                raise ConfigError(f"{name} is {value}", hint="count from 0")
        words = ("max", *STACKS)
        if self.z not in words if isinstance(self.z, str) else (self.z or 0) < 0:
            raise ConfigError(
                f"z is {self.z!r}", hint=f"give the number of a slice, or {', '.join(words)}"
            )
        if self.mpp is not None and not self.mpp > 0:
            raise ConfigError(f"mpp is {self.mpp}", hint="give the pixel size in um")
        if self.mpp is not None and self.level is not None:
            raise ConfigError("level and mpp exclude each other", hint="give one of them")
        if self.axes is not None:
            letters = set(self.axes)
            if len(letters) < len(self.axes) or not {"Y", "X"} <= letters <= set(KNOWN_AXES):
                raise ConfigError(
                    f"axes are {self.axes!r}", hint=f"use each letter of {KNOWN_AXES} once at most"
                )


@dataclass(frozen=True)
class PlaneSelection:
    """The dimensions of a file, each with what is taken of it.

    Attributes
    ----------
    axes : str
        One letter per stored dimension; ``Y`` and ``X`` are cut by the region to read.
    taken : dict of str to sequence of int
        By letter of the other dimensions, the positions that are read.
    """

    axes: str
    taken: dict[str, Sequence[int]]

    @property
    def channels(self) -> int:
        """How many channels come out: 1 or 3."""
        return max(len(self.taken.get("C", (0,))), len(self.taken.get("S", (0,))))


def describe_axes(axes: str, shape: Sequence[int]) -> str:
    """Say what was found.

    >>> describe_axes("ZYX", (5, 64, 80))
    'axes ZYX, shape 5x64x80'
    """
    return f"axes {axes}, shape {'x'.join(map(str, shape))}"


def name_axes(axes: str, shape: Sequence[int], given: str | None) -> str:
    """Give the dimensions the names that the user said; those of length one may be left out.

    >>> name_axes("QIYX", (1, 5, 64, 80), "ZYX")
    'QZYX'
    """
    if given is None:
        return axes
    long = [i for i, size in enumerate(shape) if size > 1 or axes[i] in "YX"]
    places = range(len(shape)) if len(given) == len(shape) else long
    if len(given) != len(places):
        raise InputError(
            f"has {len(shape)} dimensions ({describe_axes(axes, shape)}), --axes {given} names "
            f"{len(given)}",
            f"name {len(long)} axes",
        )
    letters = ["Q"] * len(shape)
    for place, letter in zip(places, given, strict=True):
        letters[place] = letter
    return "".join(letters)


def select_plane(
    axes: str, shape: Sequence[int], choice: PlaneChoice, names: Sequence[str] = (), alpha=False
) -> PlaneSelection:
    """Find what is to be read of each dimension.

    Parameters
    ----------
    axes, shape
        Of the file, one letter and one length per dimension.
    choice : PlaneChoice
    names : sequence of str
        Names of the channels, if known.
    alpha : bool
        The last sample of a pixel is transparency (or another extra of a colour image): dropped.

    Raises
    ------
    InputError
        Something has to be said that was not, or what was said is not in the file. The message
        shows the axes found; it names no path, the caller adds it.
    """
    axes = name_axes(axes, shape, choice.axes)
    found = describe_axes(axes, shape)
    if not {"Y", "X"} <= set(axes):
        raise InputError(f"has no rows and columns ({found})", "name its axes with --axes")
    if twice := [letter for letter in KNOWN_AXES if axes.count(letter) > 1]:
        raise InputError(f"has two axes {twice[0]} ({found})", "name its axes with --axes")
    size = dict.fromkeys("TCZ", 1) | dict(zip(axes, shape, strict=True))
    open_questions, hints = [], []

    def ask(what: str, hint: str) -> tuple[int, ...]:
        open_questions.append(what)
        hints.append(hint)
        return (0,)

    taken: dict[str, Sequence[int]] = {}
    for place, letter in enumerate(axes):
        if letter not in KNOWN_AXES and shape[place] > 1:
            ask(f"{shape[place]} planes along an axis {letter}", "--axes (such as ZYX or TYX)")
    if choice.t is not None:
        taken["T"] = (_within(choice.t, size["T"], "time point", found),)
    else:
        taken["T"] = (0,) if size["T"] == 1 else ask(f"{size['T']} time points", "--t N")
    if choice.z in ("max", *STACKS):
        taken["Z"] = range(size["Z"])
    elif choice.z is not None:
        taken["Z"] = (_within(int(choice.z), size["Z"], "slice", found),)
    else:
        hint = "--z N (infer: or max, each, 3d)"
        taken["Z"] = (0,) if size["Z"] == 1 else ask(f"{size['Z']} slices", hint)

    samples = size.get("S", 1) - bool(alpha)
    channel_axis = "C" if size["C"] > 1 or samples <= 1 else "S"
    count = size["C"] if channel_axis == "C" else samples
    taken["C"], taken["S"] = (0,), tuple(range(samples)) if samples == 3 else (0,)
    if choice.channel is not None:
        if channel_axis == "S":
            names = COLOURS if samples == 3 else ()
        names = names if len(names) == count else ()
        taken[channel_axis] = _channels(str(choice.channel), count, names, found)
    elif count > 1 and not (channel_axis == "S" and samples == 3):
        listed = f" ({', '.join(names)})" if names else ""
        ask(f"{count} channels{listed}", "--channel N (or three: 0,1,2)")
    if open_questions:
        raise InputError(
            f"has {' and '.join(open_questions)} ({found})", f"choose with {', '.join(hints)}"
        )
    if len(taken["C"]) > 1 and len(taken["S"]) > 1:
        raise InputError(f"has colours in every channel ({found})", "give one --channel")
    return PlaneSelection(
        axes, {letter: places for letter, places in taken.items() if letter in axes}
    )


class SeveralImages(InputError):
    """A file holds several images, and which is meant was not said."""

    def __init__(self, message: str, hint: str, numbers: tuple[int, ...]) -> None:
        super().__init__(message, hint)
        self.numbers = numbers


def check_claim(
    shape: Sequence[int],
    itemsize: int,
    stored_bytes: Callable[[int], int],
    max_pixels: int | None = None,
    most: int = MOST_PIXELS,
) -> None:
    """Compare the size that a file claims with what it can hold, before anything is decoded.

    Parameters
    ----------
    shape : sequence of int
        Of what is to be read.
    itemsize : int
        Bytes of a number.
    stored_bytes : callable
        Gives the bytes that hold it on the disk, given a number from which on it does not matter.
    max_pixels : int, optional
        What the user allows; it replaces all other limits.
    most : int
        What is allowed otherwise.

    Raises
    ------
    InputError
        It claims more. The message names no path.
    """
    pixels = math.prod(shape)
    if pixels <= (max_pixels or _FEW_PIXELS):
        return
    size = "x".join(map(str, shape))
    needed = pixels * itemsize // _MOST_PER_BYTE
    stored = stored_bytes(needed)
    if stored < needed:
        problem = f"is damaged or blank ({stored} bytes of the file claim to be {size} pixels)"
    elif max_pixels or pixels > most:
        problem = f"has {size} pixels, more than {max_pixels or most}"
    else:
        return
    raise InputError(problem, f"if that is true, use --max-pixels {pixels}")


def choose_scene(
    scene: int | str | None, names: Sequence[str], own: Sequence[int] | None = None
) -> int:
    """Check which image of a file is meant.

    Parameters
    ----------
    scene : int, str or None
        As given.
    names : sequence of str
        Of all images.
    own : sequence of int, optional
        Numbers of the images that count where none is given, if there are any; by default all.

    Raises
    ------
    InputError
        There are several and `scene` is None, or fewer. The message names no path.
    """
    own = own or range(len(names))
    if scene == "all":
        raise InputError("is opened image by image", "give the number of one")
    if scene is None and len(own) > 1:
        listed = ", ".join(f"{i} {names[i]}".strip() for i in own[:6])
        problem = f"holds {len(own)} images ({listed})"
        raise SeveralImages(problem, "choose one with --scene N (infer: or all)", tuple(own))
    number = own[0] if scene is None and own else int(scene or 0)
    if number >= len(names):
        raise InputError(f"has no image {number}", f"it holds {len(names)}, counted from 0")
    return number


def _within(number: int, count: int, what: str, found: str) -> int:
    if number >= count:
        raise InputError(f"has no {what} {number} ({found})", f"count from 0 to {count - 1}")
    return number


def _channels(text: str, count: int, names: Sequence[str], found: str) -> tuple[int, ...]:
    """Turn ``DAPI``, ``2`` or ``0,1,2`` into numbers; a name that has a comma counts whole."""
    words = [text] if text in names else [word.strip() for word in text.split(",")]
    known = {name.casefold(): i for i, name in reversed(list(enumerate(names)))}
    chosen = []
    for word in words:
        number = known.get(word.casefold(), int(word) if word.isdecimal() else count)
        if number >= count:
            listed = f", called {', '.join(names)}" if names else ""
            raise InputError(
                f"has no channel {word} ({found})", f"channels are 0 to {count - 1}{listed}"
            )
        chosen.append(number)
    if len(chosen) not in (1, 3):
        raise InputError(f"{len(chosen)} channels were chosen: {text}", "choose one or three")
    return tuple(chosen)
