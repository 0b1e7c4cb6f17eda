"""The chunks of a Zarr array as files: which there are, and whether they hold what they say."""

from __future__ import annotations

import itertools
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError

from .base import Index

__all__ = ["ChunkedArray", "unbroken"]

_BLOSC = 16
"""Bytes of the header of a Blosc chunk."""
_SMALL = 2**26
"""Bytes that a chunk may claim whatever its file holds."""
_MOST_CHUNKS = 2**20
"""Chunks that are read for one region."""
_RATIO = 2**14
"""What a byte can become at most, in a chunk that claims more."""


def unbroken(call: Callable, *given):
    """Call something of zarr so that an interruption comes after it.

    It works in threads of its own, and complains on the terminal where it is left alone there.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *given).result()


class ChunkError(ValueError):
    """A chunk is not what it or the metadata say."""


class ChunkedArray:
    """A Zarr array, read chunk by chunk: each is looked at before it is decoded.

    Reading one after the other also means that an error leaves nothing running.

    Parameters
    ----------
    array : zarr.Array
    root : Path or zipfile.Path
        Where the store of the array lies.

    Raises
    ------
    InputError
        Its metadata are damaged. The message names no path.
    """

    def __init__(self, array, root: Path | zipfile.Path) -> None:
        self._array = array
        self._folder = root / array.path if array.path else root
        self.shape, self.dtype = tuple(array.shape), np.dtype(array.dtype)
        old = self._folder / ".zarray"
        if old.is_file():
            meta = json.loads(old.read_text(encoding="utf-8"))
            self._chunks = tuple(meta["chunks"])
            self._separator, self._prefix = meta.get("dimension_separator") or ".", ""
            codec = (meta.get("compressor") or {}).get("id")
            plain = not meta.get("filters")
        else:
            meta = json.loads((self._folder / "zarr.json").read_text(encoding="utf-8"))
            self._chunks = tuple(meta["chunk_grid"]["configuration"]["chunk_shape"])
            keys = meta["chunk_key_encoding"]
            default = keys["name"] == "default"
            separator = keys.get("configuration", {}).get("separator")
            self._separator = separator or ("/" if default else ".")
            self._prefix = f"c{self._separator}" if default else ""
            codec, plain = meta["codecs"][-1]["name"], True
        if len(self._chunks) != len(self.shape) or min(self._chunks, default=1) < 1:
            raise InputError(
                f"is damaged (chunks {self._chunks} of shape {self.shape})",
                "copy or export it again",
            )
        self._nbytes = prod(self._chunks) * self.dtype.itemsize
        self._is_blosc = codec == "blosc"
        self._is_plain = plain

    def read(self, index: Index) -> np.ndarray:
        """Read one position or range of every dimension; chunks that are missing are filled.

        Raises
        ------
        ChunkError
            A chunk is shorter than it says, or cannot hold what it claims, or there are too many.
            Other damage raises whatever zarr raises.
        """
        ranges = self._ranges(index)
        if (count := prod(map(len, self._numbers(ranges)))) > _MOST_CHUNKS:
            raise ChunkError(f"{count} chunks of {self._chunks} in one region")
        fill = self._array.fill_value
        shape = [part.stop - part.start for part in ranges]
        result = np.full(shape, 0 if fill is None else fill, self.dtype)
        for chunk in self._touched(ranges):
            file = self._file(chunk)
            if not file.is_file():
                continue
            self._check(file)
            parts = [
                slice(max(n * size, part.start), min((n + 1) * size, part.stop))
                for n, size, part in zip(chunk, self._chunks, ranges, strict=True)
            ]
            place = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(parts, ranges, strict=True)
            )
            result[place] = unbroken(self._array.__getitem__, tuple(parts))
        return result[tuple(slice(None) if isinstance(part, slice) else 0 for part in index)]

    def missing(self, index: Index) -> int:
        """Count the chunks of a part of the array that have no file."""
        return sum(not self._file(chunk).is_file() for chunk in self._touched(self._ranges(index)))

    def stored_bytes(self, enough: int) -> int:
        """Sum the sizes of the files of the array, as far as it takes to know that there are
        `enough`."""
        found = 0
        for size in self._sizes():
            found += size
            if found >= enough:
                break
        return found

    def _sizes(self) -> Iterator[int]:
        if isinstance(self._folder, zipfile.Path):
            inside = self._folder.at
            infos = self._folder.root.infolist()
            yield from (info.file_size for info in infos if info.filename.startswith(inside))
            return
        for folder, _, names in os.walk(self._folder):
            yield from (os.path.getsize(os.path.join(folder, name)) for name in names)

    def _ranges(self, index: Index) -> list[slice]:
        return [
            slice(*(part if isinstance(part, slice) else slice(part, part + 1)).indices(size))
            for part, size in zip(index, self.shape, strict=True)
        ]

    def _touched(self, ranges: list[slice]) -> Iterator[tuple[int, ...]]:
        return itertools.product(*self._numbers(ranges))

    def _numbers(self, ranges: list[slice]) -> list[range]:
        return [
            range(part.start // size, -(-part.stop // size))
            for part, size in zip(ranges, self._chunks, strict=True)
        ]

    def _file(self, chunk: tuple[int, ...]) -> Path | zipfile.Path:
        return self._folder / (self._prefix + self._separator.join(map(str, chunk)))

    def _check(self, file: Path | zipfile.Path) -> None:
        with file.open("rb") as opened:
            head = opened.read(_BLOSC)
            size = opened.seek(0, os.SEEK_END)
        name = "/".join(file.parts[-len(self._chunks) :]) if isinstance(file, Path) else file.name
        if self._nbytes > max(_SMALL, size * _RATIO):
            raise ChunkError(f"chunk {name} of {size} bytes claims to hold {self._nbytes}")
        if not self._is_blosc:
            return
        if len(head) < _BLOSC:
            raise ChunkError(f"chunk {name} has {size} bytes, less than a header")
        unpacked, _, packed = struct.unpack("<III", head[4:])
        if packed > size:
            raise ChunkError(f"chunk {name} has {size} bytes, its header says {packed}")
        if self._is_plain and unpacked != self._nbytes:
            raise ChunkError(f"chunk {name} holds {unpacked} bytes instead of {self._nbytes}")
