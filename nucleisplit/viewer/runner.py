"""Work done in a thread, so that the viewer can be used meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal

from nucleisplit.errors import Cancelled, InputError, NucleisplitError

__all__ = ["Runner", "notifying"]


class Runner(QObject):
    """Runs one function at a time in a thread; of those that wait, only the newest counts.

    What a user can mend is shown as a notification of one line; anything else as napari shows
    errors.
    """

    said = Signal(str, object)
    """What is being done, and the share that is done or None; emitted by whoever works."""
    idle = Signal()
    """Nothing runs and nothing waits."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: tuple[Callable[[], Any], Callable[[Any], None]] | None = None
        self._then: Callable[[Any], None] = lambda value: None
        self._worker: Any = None

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._worker is not None

    def ask(
        self, work: Callable[[], Any], then: Callable[[Any], None], *, polite: bool = False
    ) -> None:
        """Run a function in a thread, and here what takes its value.

        Parameters
        ----------
        work, then
        polite
            Give way to what is waiting already.
        """
        if polite and self._waiting is not None:
            return
        self._waiting = (work, then)
        if not self.busy:
            self._begin()

    def stop(self) -> None:
        """Forget what waits, and the value of what still runs."""
        self._waiting, self._then = None, lambda value: None

    def _begin(self) -> None:
        if self._waiting is None:
            return
        (work, self._then), self._waiting = self._waiting, None
        self._worker = create_worker(_attempt, work)
        self._worker.returned.connect(self._take)
        self._worker.finished.connect(self._end)
        self._worker.start()

    def _take(self, outcome: tuple[Any, Exception | None]) -> None:
        value, error = outcome
        if error is None:
            self._then(value)
        elif not isinstance(error, Cancelled):
            show_error(str(error))

    def _end(self) -> None:
        self._worker = None
        if self._waiting is not None:
            self._begin()
        else:
            self.idle.emit()


def _attempt(work: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """The value of a function, and the error that is told in one line."""
    try:
        return work(), None
    except NucleisplitError as error:
        return None, error
    except MemoryError:
        return None, InputError("the image does not fit into memory", "draw a smaller region")


def notifying(method: Callable) -> Callable:
    """Show what a user can mend as a notification of one line."""

    @wraps(method)
    def guarded(self, *arguments):
        try:
            return method(self, *arguments)
        except NucleisplitError as error:
            show_error(str(error))

    return guarded
