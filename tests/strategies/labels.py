"""Label images as hypothesis draws them, and files of labels with something wrong in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

__all__ = ["broken_bytes", "broken_json", "label_images"]

ODD = (
    *(None, True, -1, 0, 1.5, 10**12, 10**400, -(10**30), float("inf"), float("nan")),
    *(
        "",
        "9" * 5000,
        "~~",
        [],
        {},
        [[]],
        [[[]]],
        [1, 2, 3],
        {"type": "Polygon"},
        [[1e300, -1e300]],
    ),
)
"""What stands in a file instead of what belongs there."""


def label_images(most: int = 6, numbers: int = 3) -> st.SearchStrategy[np.ndarray]:
    """Draw label images of up to that many rows, columns and nuclei."""
    sides = st.tuples(st.integers(1, most), st.integers(1, most))
    return arrays(np.int32, sides, elements=st.integers(0, numbers))


@st.composite
def broken_bytes(draw: Callable, content: bytes) -> bytes:
    """Draw a file cut off, with some bytes changed, or with a part of it left out or repeated."""
    data = bytearray(content)
    kind = draw(st.sampled_from(["cut", "change", "leave out", "repeat"]))
    start = draw(st.integers(0, len(data) - 1))
    if kind == "cut":
        del data[start:]
    elif kind == "change":
        for _ in range(draw(st.integers(1, 4))):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    else:
        part = data[start : start + draw(st.integers(1, 64))]
        data[start : start + len(part)] = b"" if kind == "leave out" else part * 3
    return bytes(data)


@st.composite
def broken_json(draw: Callable, content: bytes) -> bytes:
    """Draw a document in which one value, at any depth, is replaced, repeated or missing."""
    document = json.loads(content)
    holders: list[tuple[Any, Any]] = []

    def walk(item: Any) -> None:
        keys = item if isinstance(item, dict) else range(len(item))
        for key in keys:
            holders.append((item, key))
            if isinstance(item[key], dict | list):
                walk(item[key])

    walk(document)
    holder, key = draw(st.sampled_from(holders))
    kind = draw(st.sampled_from(["replace", "replace", "remove", "wrap"]))
    if kind == "replace":
        holder[key] = draw(st.sampled_from(ODD))
    elif kind == "remove":
        del holder[key]
    else:
        holder[key] = [holder[key], holder[key]]
    return json.dumps(document).encode()
