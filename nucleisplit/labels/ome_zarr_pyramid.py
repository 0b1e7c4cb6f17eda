"""Write label images as OME-Zarr with a pyramid, from top to bottom, never whole in memory.

Version 0.4 on Zarr format 2: every reader of OME-Zarr knows it, and so does zarr 2, the last that
runs on Python 3.10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit.errors import OutputError
from nucleisplit.files import refuse_overwrite, replacing

__all__ = ["is_labels_only", "label_pyramid", "pyramid_shapes"]

CHUNK = 1024
"""Side of the chunks; the coarsest level is one of them."""
_LEVEL = 5
"""Of zlib, which gives the same bytes each time (Blosc with several threads does not)."""
_OURS = {".zgroup", ".zattrs", "zarr.json", "labels"}
"""All that lies in the folder of labels without an image."""


@contextmanager
def label_pyramid(
    path: str | Path,
    shape: tuple[int, int],
    dtype: np.dtype | type = np.uint32,
    pixel_size: float | tuple[float, float] | None = None,
    overwrite: bool = False,
) -> Iterator[Callable[[np.ndarray], None]]:
    """Make an OME-Zarr without an image, with the label image ``labels/nuclei``.

    Each level has every second pixel of the finer one, so labels are never mixed.

    Parameters
    ----------
    path : str or Path
        The folder; it is there when the block ends, and not at all when the block raises.
    shape : tuple of int
        Height and width.
    dtype : unsigned integer type
    pixel_size : float or (float, float), optional
        Height and width of a pixel, micrometres.
    overwrite : bool
        Replace a file, or a folder that holds labels without an image.

    Yields
    ------
    callable
        Takes pieces of the whole width, (h, W), from top to bottom; they may not be changed
        afterwards. Less than `CHUNK` rows of each level are kept in memory.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`; or the folder holds something else.
    ValueError
        The pixel size is not positive.
    """
    path = refuse_overwrite(path, overwrite)
    if path.is_dir() and any(path.iterdir()) and not is_labels_only(path):
        raise OutputError(f"{path}: holds more than labels", "choose another name")
    size = np.broadcast_to(1.0 if pixel_size is None else pixel_size, 2).astype(float)
    if not ((size > 0) & (size < np.inf)).all():
        raise ValueError(f"pixel_size must be positive, got {pixel_size}")
    unit = {} if pixel_size is None else {"unit": "micrometer"}
    with replacing(path, overwrite) as part:
        root = _open_group(part)
        labels = root.create_group("labels")
        labels.attrs["labels"] = ["nuclei"]
        group = labels.create_group("nuclei")
        shapes = pyramid_shapes(shape)
        multiscale = {
            "version": "0.4",
            "name": "nuclei",
            "axes": [{"name": name, "type": "space", **unit} for name in "yx"],
            "datasets": [
                {
                    "path": str(number),
                    "coordinateTransformations": [
                        {"type": "scale", "scale": (size * 2**number).tolist()}
                    ],
                }
                for number in range(len(shapes))
            ],
            "type": "nearest",
        }
        group.attrs.update(
            {"multiscales": [multiscale], "image-label": {"version": "0.4"}}  # no image: no source
        )
        arrays = [_create(group, str(i), each, np.dtype(dtype)) for i, each in enumerate(shapes)]
        level = _Level(arrays.pop(), None)
        while arrays:
            level = _Level(arrays.pop(), level)
        yield level.add


def is_labels_only(path: Path) -> bool:
    """Tell the folder of an OME-Zarr that holds labels and no image."""
    return (path / "labels").is_dir() and {inner.name for inner in path.iterdir()} <= _OURS


def pyramid_shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Shapes of the levels, down to the first that fits into one chunk.

    >>> pyramid_shapes((3000, 1025))
    [(3000, 1025), (1500, 513), (750, 257)]
    """
    shapes = [(int(shape[0]), int(shape[1]))]
    while max(shapes[-1]) > CHUNK:
        height, width = shapes[-1]
        shapes.append((-(-height // 2), -(-width // 2)))
    return shapes


class _Level:
    """Keeps the rows of a level until they fill chunks; every second goes to the coarser one."""

    def __init__(self, array, coarser: _Level | None) -> None:
        self._array, self._coarser = array, coarser
        self._row = 0
        self._waiting: np.ndarray | None = None

    def add(self, rows: np.ndarray) -> None:
        if self._waiting is not None:
            rows = np.concatenate([self._waiting, rows])
        last = self._row + len(rows) == self._array.shape[0]
        count = len(rows) if last else len(rows) // CHUNK * CHUNK
        if count:
            self._array[self._row : self._row + count] = rows[:count]
            self._row += count
            if self._coarser is not None:
                self._coarser.add(np.ascontiguousarray(rows[:count:2, ::2]))
        self._waiting = rows[count:] if count < len(rows) else None


def _open_group(path: Path):
    import zarr

    formats: dict[str, Any] = {} if zarr.__version__[0] == "2" else {"zarr_format": 2}
    return zarr.open_group(str(path), mode="w", **formats)


def _create(group, name: str, shape: tuple[int, int], dtype: np.dtype):
    """Make an array; chunks of background alone are not stored."""
    import zarr
    from numcodecs import Zlib

    common = {
        "shape": shape,
        "dtype": dtype,
        "chunks": tuple(min(CHUNK, length) for length in shape),
        "fill_value": 0,
    }
    if zarr.__version__[0] == "2":
        return group.create_dataset(
            name,
            compressor=Zlib(_LEVEL),
            dimension_separator="/",
            write_empty_chunks=False,
            **common,
        )
    keys = {"name": "v2", "separator": "/"}
    return group.create_array(name, compressors=Zlib(_LEVEL), chunk_key_encoding=keys, **common)
