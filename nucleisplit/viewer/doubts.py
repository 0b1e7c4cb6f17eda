"""The order in which the nuclei of an image are looked through."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["Queue"]


class Queue:
    """Labels in the order of their doubt, and how far one has come.

    Parameters
    ----------
    order : sequence of int
        Labels, the most doubtful first.

    Examples
    --------
    >>> queue = Queue([7, 2, 5])
    >>> queue.forward(), queue.forward(lambda label: label != 2), queue.forward(), queue.backward()
    (7, 5, None, 2)
    """

    def __init__(self, order: Sequence[int] = ()) -> None:
        self.order = [int(label) for label in order]
        self.at = -1

    def __len__(self) -> int:
        return len(self.order)

    @property
    def label(self) -> int | None:
        """The label that is looked at."""
        return self.order[self.at] if 0 <= self.at < len(self.order) else None

    def forward(self, wanted: Callable[[int], bool] = bool) -> int | None:
        """Go to the next label that is still wanted; None, and stay, where there is none."""
        return self._go(range(self.at + 1, len(self.order)), wanted)

    def backward(self, wanted: Callable[[int], bool] = bool) -> int | None:
        """Go to the one before that is still wanted; None, and stay, where there is none."""
        return self._go(range(self.at - 1, -1, -1), wanted)

    def _go(self, places: range, wanted: Callable[[int], bool]) -> int | None:
        for place in places:
            if wanted(self.order[place]):
                self.at = place
                return self.order[place]
        return None
