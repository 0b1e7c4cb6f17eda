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

__all__ = ["put", "refuse_overwrite", "remove", "remove_parts", "replacing"]

_PART = re.compile(r"\.(.+)\.\d+-[0-9a-f]{8}\.(part|former)")
"""Names of what is being written, and of what it replaces while it does so."""


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
    temporary = _beside(path, "part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        put(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path}: cannot be written ({reason})", "check free space and permissions"
        ) from error
    finally:
        with suppress(OSError):
            remove(temporary)


def put(fresh: Path, path: Path) -> None:
    """Move a file or folder onto `path`; when that fails, what was there is put back.

    Raises
    ------
    OSError
        It cannot be moved.
    """
    if not fresh.is_dir() or not os.path.lexists(path):
        os.replace(fresh, path)
        return
    former = _beside(path, "former")  # no folder is moved onto anything
    try:
        os.replace(path, former)
        os.replace(fresh, path)
    except BaseException:  # Ctrl-C, too
        if os.path.lexists(former) and not os.path.lexists(path):
            os.replace(former, path)
        raise
    with suppress(OSError):
        remove(former)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.{ending}")


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove what runs that were killed left half-written in a folder.

    What one of them had moved out of the way, and nothing is in its place, is put back.
    """
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if (match := _PART.fullmatch(path.name)) is None:
            continue
        name, ending = match.groups()
        with suppress(OSError):
            if ending == "former" and not os.path.lexists(folder / name):
                os.replace(path, folder / name)
            else:
                remove(path)
