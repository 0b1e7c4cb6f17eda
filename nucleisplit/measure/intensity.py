"""How bright every nucleus is, in units of the image."""

from __future__ import annotations

import numba
import numpy as np

from .columns import INTENSITY
from .regions import Regions

__all__ = ["add_up", "measure_intensities", "to_numbers"]


def to_numbers(values: np.ndarray) -> np.ndarray:
    """Return values of up to 16 bits as int32, in which sums of them fit, others as float64."""
    small = values.dtype.kind in "bui" and values.dtype.itemsize <= 2
    return np.ascontiguousarray(values, np.int32 if small else np.float64)


def add_up(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the sums over the channels, and of how many; a fourth, alpha, is left out.

    Parameters
    ----------
    values : (p,) or (p, C) ndarray

    Examples
    --------
    >>> sums, channels = add_up(np.array([[1, 2, 6, 99]], np.uint8))
    >>> sums.tolist(), channels
    ([9], 3)
    """
    if values.ndim == 1:
        return to_numbers(values), 1
    count = min(values.shape[1], 3)
    added = to_numbers(values[:, 0])
    for channel in range(1, count):
        added = added + to_numbers(values[:, channel])
    return added, count


def measure_intensities(
    regions: Regions, values: np.ndarray, divisor: int = 1
) -> dict[str, np.ndarray]:
    """Return the columns `INTENSITY`.

    Percentiles lie between values where none is at their place, as `numpy.percentile` does it.

    Parameters
    ----------
    regions : Regions
    values : (p,) int32 or float64 ndarray
        Of the pixels at `Regions.places`.
    divisor : int
        What the values are to be divided by.
    """
    found = _summarize(values, regions.start, values.dtype.kind == "i")
    return dict(zip(INTENSITY, found / divisor, strict=True))


@numba.njit(cache=True)
def _summarize(values, start, whole):  # pragma: no cover - compiled
    found = np.empty((7, start.size - 1))
    for k in range(start.size - 1):
        own = values[start[k] : start[k + 1]]
        low = high = own[0]
        total = 0.0
        for value in own:
            low, high = min(low, value), max(high, value)
            total += value
        mean = total / own.size
        spread = 0.0
        for value in own:
            spread += (value - mean) ** 2
        ordered = _counted(own, low, high) if whole and high - low < 4 * own.size else np.sort(own)
        found[0, k], found[1, k] = mean, np.sqrt(spread / own.size)
        found[2, k], found[6, k] = low, high
        for i in range(3):
            place = (0.05, 0.5, 0.95)[i] * (own.size - 1)
            below = int(place)
            above = min(below + 1, own.size - 1)
            step = np.float64(ordered[above]) - np.float64(ordered[below])
            found[3 + i, k] = ordered[below] + (place - below) * step
    return found


@numba.njit(cache=True)
def _counted(own, low, high):  # pragma: no cover - compiled
    """Sort whole numbers of a short range."""
    counts = np.zeros(int(high - low) + 1, np.int64)
    for value in own:
        counts[int(value - low)] += 1
    ordered = np.empty_like(own)
    filled = 0
    for step in range(counts.size):
        for _ in range(counts[step]):
            ordered[filled] = low + step
            filled += 1
    return ordered
