"""Label images as arrays of NumPy, and ``NAME_seg.npy`` of Cellpose; nothing is unpickled.

The latter holds a pickled dict. Its pickle is taken apart by `pickletools.genops`, which runs
nothing, and what it would have called stays a record of the call: only plain values come out.
"""

from __future__ import annotations

import io
import math
import pickletools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.files import read_bytes, replacing
from nucleisplit.names import brief

from .common import Shape
from .label_check import as_labels
from .label_stream import LabelStream, as_stream
from .tiff import smallest_type

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_array", "write_array"]

_MASKS = "masks"
"""Where Cellpose keeps the label image."""


def write_array(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write a label image as an array of the smallest unsigned type that fits.

    Parameters
    ----------
    path : str or Path
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Not used: the format holds no measurements.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        The array is not a label image.
    """
    stream, _ = as_stream(labels)
    dtype = smallest_type(stream.largest)
    head = {"descr": dtype.str, "fortran_order": False, "shape": stream.shape}
    with replacing(path, overwrite) as part, part.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        for band in stream.bands():
            file.write(band.astype(dtype).tobytes())


def read_array(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read a 2-D array of labels, or the masks that Cellpose keeps in ``NAME_seg.npy``.

    Parameters
    ----------
    path : str or Path
    shape : (int, int), optional
        Not used: the array has one.

    Returns
    -------
    (H, W) int32 ndarray

    Raises
    ------
    InputError
        The file cannot be read, is no array, or its array is no label image.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        array = _parse(data)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from None
    except Exception as error:  # the parsers of headers and pickles raise dozens of types
        raise InputError(
            f"{path}: is damaged, or is no array of NumPy ({brief(error) or type(error).__name__})",
            "save it again with numpy.save",
        ) from None
    return as_labels(path, array)


def _parse(data: bytes) -> np.ndarray:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        header = np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = header(file, max_header_size=10_000)
    if dtype.hasobject:
        return _cellpose_masks(file.read())
    return _array(shape, dtype, is_fortran, file.read())


def _array(shape: tuple[int, ...], dtype: np.dtype, is_fortran: bool, data: bytes) -> np.ndarray:
    """Return the array that bytes stand for, once they are known to be as many as it needs."""
    if dtype.kind not in "biuf":
        raise InputError(
            f"holds no numbers ({brief(dtype)})", "save label images, one number a nucleus"
        )
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(data)} bytes for {shape} of {dtype}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if is_fortran else "C")


@dataclass
class _Call:
    """What a pickle would have called, and what it would have given the result."""

    name: str
    arguments: Any = ()
    state: Any = None


def _cellpose_masks(pickle: bytes) -> np.ndarray:
    content = _plain(pickle)
    if isinstance(content, _Call) and "reconstruct" in content.name:  # the dict, as an array of one
        content = content.state[4][0]
    if not isinstance(content, dict) or not isinstance(content.get(_MASKS), _Call):
        raise InputError(
            "holds objects of Python, which are not read", "save the label image with numpy.save"
        )
    _, shape, kind, is_fortran, data = content[_MASKS].state
    word, order = kind.arguments[0], kind.state[1]
    if not re.fullmatch("b1|[iu][1248]|f[248]", word) or order not in "<>|=":
        raise ValueError(f"masks of the type {word!r}")
    if not all(type(length) is int for length in shape):
        raise ValueError("masks without a shape")
    return _array(shape, np.dtype(order + word), bool(is_fortran), data)


def _plain(pickle: bytes) -> Any:
    """Return the values of a pickle: containers, numbers and texts; calls as `_Call`.

    Raises
    ------
    ValueError
        An instruction other than those that NumPy needs for such values, or a name or key that is
        no text: a few bytes make a tuple of tuples that takes years to print or to compare.
    """
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    argument: Any
    for code, argument, _ in pickletools.genops(pickle):
        name = code.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            return stack.pop()
        if name == "MARK":
            marks.append(len(stack))
        elif name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in ("TUPLE", "LIST"):
            stack.append((tuple if name == "TUPLE" else list)(since_mark()))
        elif name in _TUPLES:
            length = _TUPLES[name]
            stack[len(stack) - length :] = [tuple(stack[len(stack) - length :])]
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else since_mark()
            stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else since_mark()
            stack[-1].update(zip(_texts(items[::2]), items[1::2], strict=True))
        elif name in ("MEMOIZE", "BINPUT", "LONG_BINPUT"):
            memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "GLOBAL":
            stack.append(_Call(argument))
        elif name == "STACK_GLOBAL":
            stack[-2:] = [_Call(" ".join(_texts(stack[-2:])))]
        elif name == "REDUCE":
            stack[-2:] = [_Call(stack[-2].name, stack[-1])]
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].state = state
        else:
            raise ValueError(f"the instruction {name}")
    raise ValueError("it has no end")


def _texts(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise ValueError("a name that is no text")
    return values


_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}
_CONSTANTS: dict[str, Any] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
