"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nucleisplit.errors import OutputError

__all__ = ["refuse_overwrite", "replacing"]


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

    Missing folders are made. When the block raises, the temporary file is removed and what was at
    `path` stays.

    Raises
    ------
    OutputError
        The file exists and may not be replaced, or cannot be written.
    """
    path = refuse_overwrite(path, overwrite)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path}: cannot be written ({reason})", "check free space and permissions"
        ) from error
    finally:
        with suppress(OSError):  # gone already, or its folder never was
            temporary.unlink()
