"""The pixels of a TIFF, tile by tile or strip by strip: only those that a region touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np
import tifffile

from nucleisplit.errors import InputError

from .base import Index

__all__ = ["MissingPage", "read_series"]

_RATIO = {5: 4096, 7: 1024, 8: 1040, 32773: 130, 32946: 1040}
"""What a byte can become at most, by compression: LZW, JPEG, Deflate, PackBits, Deflate."""
_SMALL = 2**20
"""Bytes of a tile or strip that are decoded without asking whether they can be."""


class MissingPage(Exception):
    """The file, or another one of its set, does not have a page that the header names."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def read_series(series: tifffile.TiffPageSeries, index: Index) -> np.ndarray:
    """Read one position or range of every dimension of a series of equal pages.

    Raises
    ------
    InputError
        The file ends before the pixels do, or cannot hold what it claims. The message names no
        path. Damaged pixels raise whatever tifffile raises.
    MissingPage
        It is not there.
    """
    key = series.keyframe
    inner = len(key.shape)
    whole, outer = series.shape[: series.ndim - inner], index[: series.ndim - inner]
    if tuple(series.shape[series.ndim - inner :]) != tuple(key.shape):
        _check_whole(series)
        return series.asarray()[index]
    picked = [
        range(n)[part] if isinstance(part, slice) else [part]
        for n, part in zip(whole, outer, strict=True)
    ]
    pages = [
        _read_page(series, int(np.ravel_multi_index(place, whole)) if whole else 0, index[-inner:])
        for place in _places(picked)
    ]
    if len(pages) == 1 and not any(isinstance(part, slice) for part in outer):
        return pages[0]
    lengths = [len(n) for n, part in zip(picked, outer, strict=True) if isinstance(part, slice)]
    return np.stack(pages).reshape(*lengths, *pages[0].shape)


def _read_page(series: tifffile.TiffPageSeries, number: int, index: Index) -> np.ndarray:
    """Read one position or range of every dimension of one page of a series."""
    page = series[number]
    if page is None or page.keyframe is None:
        raise MissingPage(number)
    key = page.keyframe
    file = page.parent.filehandle
    closed = file.closed
    if closed:  # another file of a set
        file.open()
    try:
        if key.imagedepth > 1 or key.dtype is None:
            _check_whole([page])
            return page.asarray()[index]
        if page.is_final and _is_block(page):
            return _mapped(page, index)
        _ = key.decode  # made once here, before several threads want it
        return _decoded(page, index)
    finally:
        if closed:
            file.close()


def _check_whole(pages: Iterable) -> None:
    """Check all tiles or strips of pages that can only be decoded together."""
    for number, page in enumerate(pages):
        if page is None:
            raise MissingPage(number)
        for segment in range(len(page.dataoffsets)):
            _bytes(page, segment)


def _places(picked: list) -> Iterator[tuple[int, ...]]:
    return (
        tuple(int(part[i]) for part, i in zip(picked, place, strict=True))
        for place in np.ndindex(*(len(part) for part in picked))
    )


def _is_block(page) -> bool:
    """Whether the strips of a page follow each other; tifffile knows it of the first page only."""
    offsets, counts = page.dataoffsets, page.databytecounts
    return len(offsets) == 1 or all(
        offset + count == after
        for offset, count, after in zip(offsets[:-1], counts[:-1], offsets[1:], strict=True)
    )


def _mapped(page, index: Index) -> np.ndarray:
    """Read a part of a page that is stored as one uncompressed block."""
    key, file = page.keyframe, page.parent.filehandle
    kind = np.dtype(page.parent.byteorder + key.dtype.char)
    if page.dataoffsets[0] + prod(key.shape) * kind.itemsize > file.size:
        raise InputError("is truncated", "copy or export it again")
    return np.array(np.memmap(file.path, kind, "r", page.dataoffsets[0], key.shape)[index])


def _decoded(page, index: Index) -> np.ndarray:
    """Decode the tiles or strips that a region touches, and cut the region out of them."""
    key = page.keyframe
    wanted = {
        axis: slice(*(part if isinstance(part, slice) else slice(part, part + 1)).indices(n))
        for axis, part, n in zip(key.axes, index, key.shape, strict=True)
    }
    rows, columns = wanted["Y"], wanted["X"]
    separate, _, height, width, samples = key.shaped
    planes = range(separate)[wanted["S"]] if separate > 1 else range(1)
    size = (len(planes), rows.stop - rows.start, columns.stop - columns.start, samples)
    result = np.zeros(size, key.dtype)
    for plane in planes:
        for number in _segments(key, plane, rows, columns):
            part, (_, _, top, left, _), (_, high, wide, _) = key.decode(
                _bytes(page, number),
                number,
                jpegtables=page.jpegtables,
                jpegheader=key.jpegheader,
            )
            y = slice(max(top, rows.start), min(top + high, height, rows.stop))
            x = slice(max(left, columns.start), min(left + wide, width, columns.stop))
            place = (plane - planes[0], _moved(y, rows.start), _moved(x, columns.start))
            if part is None:  # left out, which the format allows
                result[place] = key.nodata
            else:
                result[place] = part[0, _moved(y, top), _moved(x, left)]
    if "S" not in key.axes:
        result = result[0, ..., 0]
    else:
        result = result[..., 0] if separate > 1 else result[0]
    rest = [
        part if axis == "S" and separate == 1 else 0 if not isinstance(part, slice) else slice(None)
        for axis, part in zip(key.axes, index, strict=True)
    ]
    return result[tuple(rest)]


def _segments(key: tifffile.TiffPage, plane: int, rows: slice, columns: slice) -> Iterator[int]:
    """Numbers of the tiles or strips that a region touches."""
    _, _, height, width, _ = key.shaped
    high, wide = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, width)
    if high < 1 or wide < 1:
        raise InputError(f"is damaged (tiles of {high}x{wide} pixels)", "copy or export it again")
    down, across = -(-height // high), -(-width // wide)
    for row in range(rows.start // high, -(-rows.stop // high)):
        for column in range(columns.start // wide, -(-columns.stop // wide)):
            yield (plane * down + row) * across + column


def _bytes(page, number: int) -> bytes | None:
    """Read a tile or strip as it is stored; None for one that is left out.

    Raises
    ------
    InputError
        It is not there, ends beyond the end of the file, or cannot become as many pixels as it
        claims. The message names no path.
    """
    key, file = page.keyframe, page.parent.filehandle
    if number >= min(len(page.dataoffsets), len(page.databytecounts)):
        raise InputError(f"lacks tile or strip {number}", "copy or export it again")
    offset, count = page.dataoffsets[number], page.databytecounts[number]
    if offset + count > file.size or not any(page.databytecounts):
        raise InputError("is truncated", "copy or export it again")
    if not count:
        return None
    claimed = min(prod(key.chunks), prod(key.shape)) * key.bitspersample // 8
    if claimed > max(count * _RATIO.get(int(key.compression), claimed), _SMALL):
        raise InputError(
            f"is damaged ({count} bytes cannot hold {claimed})", "copy or export it again"
        )
    file.seek(offset)
    return file.read(count)


def _moved(part: slice, start: int) -> slice:
    return slice(part.start - start, part.stop - start)
