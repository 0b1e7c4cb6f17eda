"""The list of the pages of a TIFF: whether it ends where a whole file ends it."""

from __future__ import annotations

import struct

import tifffile

from nucleisplit.errors import InputError

__all__ = ["check_pages"]

_MOST_TAGS = 4096
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
"""Bytes of a value, by type of tag."""
_NEEDED = {
    *range(256, 260),  # width, height, bits, compression
    *(262, 270, 273, 277, 278, 279, 317),  # photometric, description, strips, predictor
    *(320, 322, 323, 324, 325, 330, 338, 339, 347),  # colours, tiles, sub-images, JPEG tables
    *(50838, 50839),  # ImageJ's metadata
}
"""Tags without which an image cannot be read rightly; others may dangle."""


def check_pages(tiff: tifffile.TiffFile) -> None:
    """Follow the list of pages, which tifffile takes to end where it breaks.

    Raises
    ------
    InputError
        It leads out of the file or in a circle, or a tag that is needed lies beyond the end of the
        file. The message names no path.
    """
    file, layout = tiff.filehandle, tiff.tiff
    if tiff.is_lsm and file.size >= 2**32:  # its offsets start again from zero
        return
    file.seek(4 if layout.version == 42 else 8)
    offset = _number(file, layout.offsetformat, layout.offsetsize)
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise _damaged(f"the list of its pages returns to page {len(seen)}")
        seen.add(offset)
        file.seek(offset)
        count = _number(file, layout.tagnoformat, layout.tagnosize)
        if count > _MOST_TAGS:
            raise _damaged(f"page {len(seen)} has {count} tags")
        tags = file.read(count * layout.tagsize)
        if len(tags) < count * layout.tagsize:
            raise _truncated(len(seen))
        offset = _number(file, layout.offsetformat, layout.offsetsize)
        if layout.tagsize > 12 or layout.offsetsize == 4:  # NDPI has half of its offsets elsewhere
            _check_tags(tags, layout, file.size, len(seen))
    if not seen:
        raise _damaged("it has no page")


def _check_tags(tags: bytes, layout, size: int, page: int) -> None:
    wide = layout.offsetsize == 8
    for code, kind, count, value in struct.iter_unpack(
        layout.byteorder + ("HHQQ" if wide else "HHII"), tags
    ):
        length = count * _SIZES.get(kind, 1)
        if code in _NEEDED and length > (8 if wide else 4) and value + length > size:
            raise _truncated(page)


def _number(file, form: str, length: int) -> int:
    data = file.read(length)
    if len(data) < length:
        raise InputError("is truncated (its list of pages ends)", "copy or export it again")
    return int(struct.unpack(form, data)[0])


def _truncated(page: int) -> InputError:
    return InputError(f"is truncated (page {page} lies beyond its end)", "copy or export it again")


def _damaged(why: str) -> InputError:
    return InputError(f"is damaged ({why})", "copy or export it again")
