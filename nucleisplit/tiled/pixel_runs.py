"""Nuclei as runs: horizontal stretches of pixels, small enough to keep those of a whole slide."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["overlapping_runs", "paint_runs", "runs_of"]


def runs_of(
    labels: np.ndarray, numbers: np.ndarray, origin: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """List the runs of a label image.

    Parameters
    ----------
    labels : (H, W) integer
    numbers : (m,) integer, ascending
        All labels that are in it.
    origin : tuple of int
        Row and column of its first pixel.

    Returns
    -------
    (n, 4) int32
        Place of the label in `numbers`, row, first column, column after the last; in raster order.

    Examples
    --------
    >>> runs_of(np.array([[0, 5, 5, 7], [7, 0, 0, 0]]), np.array([5, 7]), (10, 0)).tolist()
    [[0, 10, 1, 3], [1, 10, 3, 4], [1, 11, 0, 1]]
    """
    place = np.full(int(numbers[-1]) + 1 if len(numbers) else 1, -1, np.int32)
    place[numbers] = np.arange(len(numbers))
    labels = np.ascontiguousarray(labels)
    runs = np.empty((_count(labels), 4), np.int32)
    _fill(labels, place, origin[0], origin[1], runs)
    return runs


@njit(cache=True)
def _count(labels):
    count = 0
    for y in range(labels.shape[0]):
        before = 0
        for x in range(labels.shape[1]):
            count += labels[y, x] != before and labels[y, x] > 0
            before = labels[y, x]
    return count


@njit(cache=True)
def _fill(labels, place, top, left, runs):
    height, width = labels.shape
    count = 0
    for y in range(height):
        x = 0
        while x < width:
            label = labels[y, x]
            start = x
            while x < width and labels[y, x] == label:
                x += 1
            if label > 0:
                runs[count, 0] = place[label]
                runs[count, 1] = top + y
                runs[count, 2] = left + start
                runs[count, 3] = left + x
                count += 1


@njit(cache=True)
def overlapping_runs(runs):
    """Find the pairs of runs that share pixels.

    Parameters
    ----------
    runs : (n, 4) int32
        As of `runs_of`, by row and first column.

    Returns
    -------
    (m, 3) int64
        Numbers of two runs, the smaller first, and how many pixels they share.
    """
    found = [(0, 0, 0)]
    for i in range(len(runs)):
        j = i + 1
        while j < len(runs) and runs[j, 1] == runs[i, 1] and runs[j, 2] < runs[i, 3]:
            found.append((i, j, min(runs[i, 3], runs[j, 3]) - runs[j, 2]))
            j += 1
    out = np.empty((len(found) - 1, 3), np.int64)
    for k in range(1, len(found)):
        out[k - 1, 0], out[k - 1, 1], out[k - 1, 2] = found[k]
    return out


@njit(cache=True)
def paint_runs(canvas, runs, labels, top, left):
    """Paint runs where the canvas is still 0.

    Parameters
    ----------
    canvas : (h, w) integer
        Its first pixel is that at row `top` and column `left`; runs beyond it are cut off.
    runs : (n, 4) int32
    labels : (m,) integer
        What each place in the runs' first column is painted with.
    """
    height, width = canvas.shape
    for i in range(len(runs)):
        y = runs[i, 1] - top
        if 0 <= y < height:
            for x in range(max(0, runs[i, 2] - left), min(width, runs[i, 3] - left)):
                if canvas[y, x] == 0:
                    canvas[y, x] = labels[runs[i, 0]]
