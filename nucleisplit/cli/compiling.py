"""Kernels are compiled the first time they are used, which takes long and is therefore said."""

from __future__ import annotations

import time

import click

from . import console

__all__ = ["note_compiling"]

_NOTICE = "compiling numerical kernels, which are kept for later runs: up to a minute"
_PATIENCE = 1.0
"""Seconds of compiling after which it is said: one kernel for another kind of image takes less."""
_EVENT = "numba:compile"


def note_compiling() -> None:
    """From now on until the command ends, say once on stderr when much has to be compiled."""
    from numba.core import event

    class Notice(event.Listener):
        """Adds up the time; compiling one kernel compiles those that it calls within it."""

        spent, depth, began, said = 0.0, 0, 0.0, False

        def on_start(self, _event: event.Event) -> None:
            now = time.monotonic()
            if self.depth == 0:
                self.began = now
            self.depth += 1
            if not self.said and self.spent + now - self.began > _PATIENCE:
                self.said = True
                console.note(_NOTICE)

        def on_end(self, _event: event.Event) -> None:
            self.depth -= 1
            if self.depth == 0:
                self.spent += time.monotonic() - self.began

    notice = Notice()
    event.register(_EVENT, notice)
    click.get_current_context().call_on_close(lambda: event.unregister(_EVENT, notice))
