"""The pixels of a mask, listed connected piece by connected piece.

What visits pixels by their value, as a watershed does, jumps about the whole image and waits for
its memory the longer the larger the image is. Pieces of a mask that do not touch never meet in it,
so it may finish one before it starts the next: the pixels of a piece are kept side by side, each
with the places of its neighbours, and all jumps stay within the piece.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.runs import find_runs, join_runs


@njit(cache=True)
def find_pieces(mask):
    """List the pixels of a mask by 4-connected piece.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    pixels : (n,) int32
        Flat indices; the pieces in raster order of their first pixel, each in raster order.
    neighbours : (n, 4) int32
        Place in the same piece, counted from its first pixel, of the pixel below, above, right
        and left; -1 for none.
    bounds : (n_pieces + 1,) int64
        The pixels of piece i are ``bounds[i]`` to ``bounds[i + 1]``.
    """
    height, width = mask.shape
    start, stop, rows = find_runs(mask, False)
    piece, count = join_runs(start, stop, rows, width, False)
    # Pixels of each piece, and the place of each run among those of its piece.
    bounds = np.zeros(count + 1, np.int64)
    place = np.empty(start.size, np.int32)
    for run in range(start.size):
        place[run] = bounds[piece[run] + 1]
        bounds[piece[run] + 1] += stop[run] - start[run]
    for i in range(count):
        bounds[i + 1] += bounds[i]
    pixels = np.empty(bounds[count], np.int32)
    neighbours = np.full((bounds[count], 4), -1, np.int32)
    for y in range(height):
        above, end = rows[max(y - 1, 0)], rows[y]
        for run in range(rows[y], rows[y + 1]):
            # Along the run.
            base, shift = bounds[piece[run]], place[run] - start[run]
            for pixel in range(start[run], stop[run]):
                here = base + shift + pixel
                pixels[here] = pixel
                if pixel + 1 < stop[run]:
                    neighbours[here, 2] = pixel + 1 + shift
                if pixel > start[run]:
                    neighbours[here, 3] = pixel - 1 + shift
            # Across to the runs of the row above that overlap it, both ways.
            while above < end and stop[above] <= start[run] - width:
                above += 1
            other = above
            while other < end and start[other] < stop[run] - width:
                up = place[other] - start[other]
                first = max(start[run], start[other] + width)
                for pixel in range(first, min(stop[run], stop[other] + width)):
                    neighbours[base + shift + pixel, 1] = pixel - width + up
                    neighbours[base + pixel - width + up, 0] = pixel + shift
                other += 1
    return pixels, neighbours, bounds


@njit(cache=True)
def largest_piece(bounds):
    """Number of pixels of the largest piece, 0 without any."""
    largest = 0
    for i in range(bounds.size - 1):
        largest = max(largest, bounds[i + 1] - bounds[i])
    return largest
