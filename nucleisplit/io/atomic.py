"""Write a file whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nucleisplit.errors import OutputError

__all__ = ["refuse_overwrite", "remove", "remove_parts", "replacing"]

_PART = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.part")
"""Names of temporary files."""


def refuse_overwrite(path: str | Path, overwrite: bool = False) -> Path:
    """Return the path; raise `OutputError` if it exists and may not be replaced.

    A folder counts as existing when anything is in it; it is never replaced by a file.
    """
    path = Path(path)
    if path.is_dir():
        if any(path.iterdir()) and not overwrite:
            raise OutputError(
                f"{path}: is not empty", "use --overwrite to replace it, or another folder"
            )
    elif os.path.lexists(path) and not overwrite:
        raise OutputError(f"{path}: exists", "use --overwrite to replace it, or another name")
    return path


@contextmanager
def replacing(path: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder, moved onto `path` when the block succeeds.

    It may be made a file or a folder. Missing folders are made. When the block raises, what is
    temporary is removed and what was at `path` stays.

    Raises
    ------
    OutputError
        The file exists and may not be replaced, or cannot be written.
    """
    path = refuse_overwrite(path, overwrite)
    temporary, former = (
        path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part") for _ in range(2)
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir() and os.path.lexists(path):
            os.replace(path, former)  # no folder is moved onto anything
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path}: cannot be written ({reason})", "check free space and permissions"
        ) from error
    finally:
        for leftover in (temporary, former):
            with suppress(OSError):
                remove(leftover)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove what runs that were killed left half-written in a folder."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if _PART.fullmatch(path.name):
            with suppress(OSError):
                remove(path)
