"""An append-only record of a batch: what is finished stays finished, however the run ends."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from nucleisplit.errors import OutputError


class Journal:
    """One JSON line for the settings of the run, then one line per finished image.

    A line counts once its line break is on the disk: a run that is killed while writing leaves at
    most one torn line at the end, which the next run drops. A later line of the same key replaces
    an earlier one.

    Parameters
    ----------
    path
        The journal file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offsets: dict[str, int] = {}
        self._end = 0

    def exists(self) -> bool:
        return self.path.is_file()

    def start(self, settings: dict) -> None:
        """Begin a new journal; an existing one is emptied."""
        self._offsets, self._end = {}, 0
        self._write(settings, mode="wb")

    def resume(self) -> dict:
        """Read an existing journal and return the settings it began with.

        Raises
        ------
        OutputError
            It cannot be read or is damaged before its last line.
        """
        settings = None
        offset = 0
        with self._open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                    if settings is None:
                        settings = dict(entry)
                    else:
                        self._offsets[entry["key"]] = offset
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    raise OutputError(
                        f"{self.path}: is damaged", hint="start again with --overwrite"
                    ) from error
                offset += len(line)
        self._end = offset
        if settings is None:
            raise OutputError(f"{self.path}: is empty", hint="start again with --overwrite")
        return settings

    def add(self, key: str, entry: dict) -> None:
        """Append the entry of one image and force it to the disk."""
        offset = self._end
        self._write({"key": key, **entry}, mode="r+b")
        self._offsets[key] = offset

    def keys(self) -> list[str]:
        """The images that have an entry, in order of their last writing."""
        return sorted(self._offsets, key=self._offsets.__getitem__)

    def get(self, key: str) -> dict | None:
        """The last entry of one image."""
        return next(self.entries([key]), None)

    def entries(self, keys: list[str] | None = None) -> Iterator[dict]:
        """The last entries of the given images (default: all), one at a time, in that order."""
        with self._open("rb") as file:
            for key in self.keys() if keys is None else keys:
                if key in self._offsets:
                    file.seek(self._offsets[key])
                    yield json.loads(file.readline())

    def _write(self, entry: dict, mode: str) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        try:
            with self._open(mode) as file:
                file.seek(self._end)
                file.truncate()
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be written: {error.strerror or error}",
                hint="free the disk and use --resume",
            ) from error
        self._end += len(line)

    def _open(self, mode: str):
        try:
            return self.path.open(mode)
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be opened: {error.strerror}",
                hint="choose another folder with --out",
            ) from error
