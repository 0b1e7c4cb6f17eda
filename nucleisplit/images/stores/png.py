"""The chunks of a PNG, whose checksums decoders do not all look at."""

from __future__ import annotations

import struct
import zlib

from nucleisplit.errors import InputError

__all__ = ["PNG", "check_png", "is_deep_png"]

PNG = b"\x89PNG\r\n\x1a\n"
"""The first bytes of the file."""


def check_png(data: bytes) -> None:
    """Compare the checksum of every chunk.

    Raises
    ------
    InputError
        One does not match, or the last chunk is missing. The message names no path.
    """
    place = len(PNG)
    while place + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        end = place + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            name = kind.decode("latin-1") if kind.isalpha() else "?"
            raise InputError(
                f"is damaged or truncated (the checksum of chunk {name} does not match)",
                "copy or export it again",
            )
        if kind == b"IEND":
            return
        place = end + 4
    raise InputError("is damaged or truncated (it ends in a chunk)", "copy or export it again")


def is_deep_png(data: bytes) -> bool:
    """Tell a PNG of 16 bits per channel with more than one channel, from its IHDR chunk."""
    return data.startswith(PNG) and data[24:25] == b"\x10" and data[25:26] != b"\x00"
