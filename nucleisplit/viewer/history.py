"""What can be undone, and done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["History", "Step"]


@dataclass(frozen=True, eq=False)
class Step:
    """One change of a label image.

    Attributes
    ----------
    name : str
        What is done, as it is told.
    states : tuple
        What is known beside the pixels, before and after.
    before : ndarray
        The pixels of the window before; of the whole image where there is no window.
    after : ndarray or None
        The same after; None where the state after tells them.
    window : tuple of slice or None
    """

    name: str
    states: tuple[Any, Any]
    before: np.ndarray
    after: np.ndarray | None = None
    window: tuple[slice, slice] | None = None

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self.before.nbytes + (0 if self.after is None else self.after.nbytes)


class History:
    """The steps that were done, and those that were undone since.

    Parameters
    ----------
    limit : int
        Bytes that are kept; beyond that the oldest steps are forgotten, but never the last one.
    """

    def __init__(self, limit: int = 2**28) -> None:
        self.limit = limit
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def last(self) -> Step | None:
        """The step that `back` would undo."""
        return self._done[-1] if self._done else None

    @property
    def next(self) -> Step | None:
        """The step that `forth` would do again."""
        return self._undone[-1] if self._undone else None

    def push(self, step: Step) -> None:
        """Keep a step that was just done."""
        self._done.append(step)
        self._undone.clear()
        while len(self._done) > 1 and sum(kept.size for kept in self._done) > self.limit:
            del self._done[0]

    def amend(self, change: Callable[[Step], Step]) -> None:
        """Change the last step, as the next one is to be undone together with it."""
        self._done[-1] = change(self._done[-1])
        self._undone.clear()

    def forget_undone(self) -> None:
        """What was undone can no longer be done again."""
        self._undone.clear()

    def back(self) -> Step | None:
        """Take the last step, to be undone by the caller; None where there is none."""
        return self._move(self._done, self._undone)

    def forth(self) -> Step | None:
        """Take the step that was undone last, to be done again; None where there is none."""
        return self._move(self._undone, self._done)

    @staticmethod
    def _move(source: list[Step], target: list[Step]) -> Step | None:
        if not source:
            return None
        target.append(source.pop())
        return target[-1]
