"""One hook for all that takes long: it hears how far the work is, and can end it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float], None]
"""Called with the share that is done, from 0 to 1, before every run of a network and after every
part of a large work. What it raises ends the work."""


def part_of(progress: Progress | None, number: int, count: int) -> Progress:
    """Return the hook of one of several parts of a work that take equally long.

    Examples
    --------
    >>> part_of(print, 1, 4)(0.5)
    0.375
    """
    if progress is None:
        return lambda share: None
    return lambda share: progress((number + share) / count)


def only_forwards(progress: Progress | None) -> Progress:
    """Return a hook whose share never falls, for a work that may have to begin again.

    Examples
    --------
    >>> heard = only_forwards(print)
    >>> heard(0.5), heard(0.25)
    0.5
    0.5
    (None, None)
    """
    most = 0.0

    def forwards(share: float) -> None:
        nonlocal most
        most = max(most, share)
        if progress is not None:
            progress(most)

    return forwards
