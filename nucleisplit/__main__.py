"""``nucleisplit`` and ``python -m nucleisplit``: the program from its first moment on."""

from __future__ import annotations

import os
import signal

__all__ = ["run"]


def run() -> None:
    """Run the program; Ctrl-C ends it in one line, even while it is still being imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
    # Threads of OpenMP wait for each other asleep: busy ones take the cores from whatever else
    # runs, the loaders of a training among them, which then takes many times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from nucleisplit.cli.main import main

    main()


def leave(_number: int, _frame: object) -> None:
    """End at once: before a command runs and after, there is nothing to tidy up."""
    os.write(2, b"nucleisplit: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    run()
