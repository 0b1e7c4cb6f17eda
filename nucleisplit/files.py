"""Files written whole or not at all, and read with one line that says what is wrong with them."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit.errors import InputError, InputWarning, OutputError
from nucleisplit.names import brief

__all__ = [
    "load_json",
    "naming_file",
    "put",
    "read_bytes",
    "refuse_overwrite",
    "remove",
    "remove_parts",
    "replacing",
    "warn_of_open_end",
    "write_json",
]

_SMALL, _PACKED = 2**24, 64
"""Bytes that a packed file may claim whatever its size, and per byte of it."""
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


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; `InputError` if it is missing, a folder, locked or empty."""
    with naming_file(path):
        return first_bytes(path)


def first_bytes(path: Path, count: int = -1) -> bytes:
    """Read the first bytes of a file, by default all; messages name no path."""
    try:
        with path.open("rb") as file:
            data = file.read(count)
    except FileNotFoundError:
        if path.is_symlink():
            raise InputError(
                f"is a link to {os.readlink(path)}, which does not exist", "check the link"
            ) from None
        raise InputError("does not exist", "check the path") from None
    except IsADirectoryError:
        raise InputError("is a folder", "name a file in it") from None
    except OSError as error:
        raise InputError(f"cannot be opened ({error.strerror})", "check the permissions") from None
    if not data:
        raise InputError("is empty (0 bytes)", "copy or export it again")
    return data


@contextmanager
def naming_file(path: Path, problem: str = "is damaged or truncated", hint: str | None = None):
    """Turn what libraries raise on a bad file into one line that names it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from None
    except MemoryError:
        raise InputError(f"{path}: does not fit into memory", "cut it into parts") from None
    except Exception as error:  # decoders raise dozens of types on damaged files
        raise InputError(
            f"{path}: {problem} ({brief(error) or type(error).__name__})",
            hint or "copy or export it again",
        ) from error


def write_json(path: str | Path, content: Any, overwrite: bool = False) -> None:
    """Write JSON: numpy values as plain ones, paths as text, NaN and infinity as null.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    TypeError
        The content holds something else, such as a set.
    """
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path, overwrite) as part:
        # half a surrogate, as in names of files that are not UTF-8, becomes an escape of JSON
        part.write_text(text, encoding="utf-8", errors="backslashreplace")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def load_json(path: Path, what: str) -> Any:
    """Read JSON, packed with gzip or not, that is to be a format of that name; `InputError` where
    it is none."""
    data = read_bytes(path)
    try:
        return json.loads(_unpacked(data).decode("utf-8-sig"))
    except (ValueError, RecursionError, zlib.error) as error:
        raise InputError(
            f"{path}: is damaged, or is not {what} ({brief(error)})", "export it again"
        ) from None


def _unpacked(data: bytes) -> bytes:
    """Return what gzip has packed; `ValueError` where it ends early or is absurdly much."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    most = _SMALL + _PACKED * len(data)
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    text = unpacker.decompress(data, most)
    if not unpacker.eof:
        raise ValueError("it ends early" if len(text) < most else f"unpacks to over {most} bytes")
    return text


def warn_of_open_end(path: Path, data: bytes) -> None:
    """Warn of a table whose last line does not end: perhaps it did not arrive as a whole."""
    if not data.endswith((b"\n", b"\r")):
        warnings.warn(
            f"{path}: ends in the middle of a line; if it was cut off, copy or export it again",
            InputWarning,
            stacklevel=2,
        )
