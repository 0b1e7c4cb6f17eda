"""Names of files, and what is quoted from them: as names of other files, one line, and cells."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

__all__ = ["bare_cell", "brief", "guarded_cell", "name_some", "one_line", "safe_stem"]

_QUOTED = 100
_LONGEST = 160
"""Bytes of a stem; file systems take 255, and endings and marks of our own follow."""
_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
"""Kinds of characters that break lines or cannot be written as UTF-8."""
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def brief(value: Any) -> str:
    """Return what is to be quoted from a file, cut where it is long.

    >>> brief([1, 2]), len(brief("9" * 5000))
    ('[1, 2]', 103)
    """
    text = str(value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def safe_stem(stem: str) -> str:
    """Return a stem that can begin the name of a file; one that is changed ends in a checksum.

    >>> safe_stem("cell 1"), safe_stem("a\\nb"), len(safe_stem("x" * 250))
    ('cell 1', 'a_b_7e18f737', 169)
    """
    plain = "".join("_" if _breaks(character) else character for character in stem)
    if plain == stem and len(stem.encode()) <= _LONGEST:
        return stem
    checksum = hashlib.sha256(stem.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain.encode()[:_LONGEST].decode(errors='ignore')}_{checksum}"


def one_line(name: str) -> str:
    r"""Spell out what would break a line, or cannot be written.

    >>> one_line("a\nb é.tif")
    'a\\nb é.tif'
    """
    return "".join(c.encode("unicode_escape").decode() if _breaks(c) else c for c in name)


def guarded_cell(text: str) -> str:
    """Put ``'`` before what a spreadsheet would compute; `bare_cell` takes it away.

    >>> [guarded_cell(text) for text in ("=1+1.tif", "-a", "'@a", "'a", "a=1")]
    ["'=1+1.tif", "'-a", "''@a", "'a", 'a=1']
    """
    return f"'{text}" if _FORMULA.match(text) else text


def bare_cell(text: str) -> str:
    """Return the text that `guarded_cell` was given.

    >>> [bare_cell(text) for text in ("'=1+1.tif", "'-a", "''@a", "'a", "a=1")]
    ['=1+1.tif', '-a', "'@a", "'a", 'a=1']
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _breaks(character: str) -> bool:
    return unicodedata.category(character) in _BREAKING


def name_some(names: Iterable[str], limit: int = 3) -> str:
    """Join the first few names: ``a, b, c and 4 more``.

    >>> name_some(["a", "b", "c", "d"], limit=2)
    'a, b and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, ``image`` or ``nucleus``.

    >>> counted(1, "nucleus"), counted(2, "nucleus"), counted(0, "image")
    ('1 nucleus', '2 nuclei', '0 images')
    """
    several = "nuclei" if noun == "nucleus" else f"{noun}s"
    return f"{count} {noun if count == 1 else several}"
