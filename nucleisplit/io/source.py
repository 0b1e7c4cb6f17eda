"""A microscope image on the disk, read region by region."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError

from .planes import PlaneChoice, Selection, describe_axes, select
from .store import Store

__all__ = ["ImageSource", "Level", "Plane"]


@dataclass(frozen=True)
class Level:
    """One level of a pyramid."""

    height: int
    """Rows; 0 for a level that cannot be read."""
    width: int
    """Columns; 0 for a level that cannot be read."""
    pixel_size: tuple[float, float] | None
    """Height and width of a pixel in um, where the file says so."""


class ImageSource:
    """What a file holds: axes, sizes, levels, channels; `plane` chooses one plane to read.

    Made by `open_image`; close it, or use it as a context manager.

    Attributes
    ----------
    path : Path
    axes : str
        One letter per stored dimension, such as ``"TCZYX"`` or ``"YXS"``.
    shape : tuple of int
        Of level 0, in the order of `axes`.
    dtype : numpy.dtype
    pixel_size : tuple of float or None
        Height and width of a pixel of level 0 in um.
    channels : tuple of str
        Names of the channels; empty when unknown.
    levels : tuple of Level
        The finest first.
    """

    def __init__(self, path: Path, store: Store) -> None:
        self.path = path
        self.axes = store.axes
        self.dtype = store.dtype
        self.pixel_size = store.pixel_size
        self.channels = store.channels
        self.shape = next(shape for shape in store.shapes if shape is not None)
        self._store = store
        self.levels = tuple(self._level(shape) for shape in store.shapes)

    def __enter__(self) -> ImageSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    def plane(self, choice: PlaneChoice | None = None) -> Plane:
        """Choose one plane, gray or of three channels, at one level.

        Raises
        ------
        InputError
            The file holds more than one and the choice does not say which; or what it says is not
            in the file.
        """
        choice = choice or PlaneChoice()
        with told(self.path):
            store = self._store
            selection = select(self.axes, self.shape, choice, store.channels, store.alpha)
            level = self._choose_level(choice, selection.axes)
            if self.dtype.kind not in "buif":
                raise InputError(f"has pixels of type {self.dtype}", "save it as 8- or 16-bit")
        return Plane(self, selection, level)

    def level_shape(self, level: int) -> tuple[int, ...] | None:
        """Shape of a level, in the order of `axes`; None for one that cannot be read."""
        return self._store.shapes[level]

    def read(self, level: int, index: tuple[int | slice, ...]) -> np.ndarray:
        """Read one position or range of every stored dimension, in native byte order."""
        hint = "take another --level" if len(self.levels) > 1 else "copy or export it again"
        what = f"level {level} " if len(self.levels) > 1 else ""
        with told(self.path, f"{what}is damaged or truncated", hint):
            pixels = self._store.read(level, index)
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)

    def _level(self, shape: tuple[int, ...] | None) -> Level:
        if shape is None:
            return Level(0, 0, None)
        y, x = self.axes.find("Y"), self.axes.find("X")
        if not self.pixel_size or not shape[y] or not shape[x]:
            return Level(shape[y], shape[x], None)
        down, across = self.pixel_size
        finest = self.shape
        size = (down * finest[y] / shape[y], across * finest[x] / shape[x])
        return Level(shape[y], shape[x], size)

    def _choose_level(self, choice: PlaneChoice, axes: str) -> int:
        number = choice.level or 0
        if choice.mpp is not None:
            number = self._closest(choice.mpp)
        if number >= len(self.levels):
            raise InputError(
                f"has no level {number}, but {len(self.levels)}",
                f"levels are 0 to {len(self.levels) - 1}",
            )
        shape = self._store.shapes[number]
        others = [i for i, letter in enumerate(axes) if letter not in "YX"]
        if shape is None or len(shape) != len(axes) or 0 in shape:
            broken = "cannot be read" if shape is None else describe_axes(axes, shape)
        elif any(shape[i] != self.shape[i] for i in others if (axes[i], choice.z) != ("Z", "max")):
            broken = f"{describe_axes(axes, shape)}, level 0 {describe_axes(axes, self.shape)}"
        else:
            return number
        raise InputError(f"level {number} is broken ({broken})", "take another --level")

    def _closest(self, mpp: float) -> int:
        known = {i: lv.pixel_size[0] for i, lv in enumerate(self.levels) if lv.pixel_size}
        if not known:
            raise InputError("does not say its pixel size", "use --level instead of --mpp")
        best = min(known, key=lambda i: (round(abs(math.log(known[i] / mpp)), 6), i))
        if not 0.49 < known[best] / mpp < 2.05:
            sizes = ", ".join(f"{size:.4g}" for size in known.values())
            raise InputError(f"has no level near {mpp:g} um/px", f"its levels have {sizes}")
        return best


class Plane:
    """One plane of an `ImageSource`; nothing is read before `read`.

    Attributes
    ----------
    shape : tuple of int
        (H, W), or (H, W, 3).
    dtype : numpy.dtype
    level : int
    pixel_size : tuple of float or None
        Height and width of a pixel in um.
    """

    def __init__(self, source: ImageSource, selection: Selection, level: int) -> None:
        chosen = source.levels[level]
        self.source = source
        self.selection = selection
        self.level = level
        self.dtype = source.dtype.newbyteorder("=")
        self.pixel_size = chosen.pixel_size
        size = (chosen.height, chosen.width)
        self.shape = size if selection.channels == 1 else (*size, selection.channels)

    def read(self, rows: slice | None = None, columns: slice | None = None) -> np.ndarray:
        """Read a region: only the tiles and chunks that it touches are decoded.

        Parameters
        ----------
        rows, columns : slice, optional
            Without a step, within the image; all by default.

        Returns
        -------
        ndarray, shape (h, w) or (h, w, 3)

        Raises
        ------
        InputError
            The file is damaged there, or holds NaN or infinity.
        ValueError
            The region is not within the image.
        """
        region = {"Y": _range(rows, self.shape[0]), "X": _range(columns, self.shape[1])}
        axes, taken = self.selection.axes, self.selection.taken
        slices = taken.get("Z", (0,))
        if len(slices) > 1:  # all there are: a coarser level may have fewer
            slices = range(self.source.level_shape(self.level)[axes.index("Z")])
        result = None
        for z in slices:
            channels = [
                self._read_one(region, {"Z": z, "C": c, "S": s})
                for c in taken.get("C", (0,))
                for s in ([taken["S"]] if "S" in axes else [None])
            ]
            pixels = channels[0] if len(channels) == 1 else np.stack(channels, axis=-1)
            result = pixels if result is None else np.maximum(result, pixels)
        if result.dtype.kind == "f":
            bad = result.size - int(np.isfinite(result).sum())
            if bad:
                raise InputError(
                    f"{self.source.path}: holds {bad} NaN or infinite values",
                    "replace them by numbers",
                )
        return np.ascontiguousarray(result)

    def _read_one(self, region: dict[str, slice], place: dict) -> np.ndarray:
        """Read one channel, or the samples of one colour image, rows and columns first."""
        axes, samples = self.selection.axes, place["S"]
        index, left = [], ""
        for letter in axes:
            if letter in region:
                index.append(region[letter])
                left += letter
            elif letter == "S":
                index.append(slice(min(samples), max(samples) + 1))
                left += letter
            else:
                index.append(place.get(letter, self.selection.taken.get(letter, (0,))[0]))
        pixels = self.source.read(self.level, tuple(index))
        pixels = pixels.transpose([left.index(letter) for letter in "YXS" if letter in left])
        if samples is None:
            return pixels
        picked = [sample - min(samples) for sample in samples]
        return pixels[..., picked[0]] if len(picked) == 1 else pixels[..., picked]


def _range(part: slice | None, size: int) -> slice:
    part = part or slice(0, size)
    start, stop = part.start or 0, size if part.stop is None else part.stop
    if part.step not in (None, 1) or not 0 <= start < stop <= size:
        raise ValueError(f"region {part} is not within 0 to {size}")
    return slice(start, stop)


@contextmanager
def told(path: Path, problem: str = "is damaged or truncated", hint: str | None = None):
    """Turn what libraries raise on a bad file into one line that names it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from None
    except MemoryError:
        raise InputError(f"{path}: does not fit into memory", "cut it into parts") from None
    except Exception as error:  # decoders raise dozens of types on damaged files
        raise InputError(
            f"{path}: {problem} ({str(error) or type(error).__name__})",
            hint or "copy or export it again",
        ) from error
