"""Connected pieces of an image, found by rows: runs of equal pixels, joined to those they touch.

A run is a horizontal stretch of foreground (or of background). Joining runs instead of pixels
leaves little to join, and reads the image row by row, so that the cost follows the pixels however
large the image is.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def find_runs(image, background):
    """List the horizontal runs of an image.

    Parameters
    ----------
    image : (H, W) bool or integer
        0 = background.
    background : bool
        List the runs of the background instead of those of the foreground.

    Returns
    -------
    start, stop : (n_runs,) int32
        Flat index of each run's first pixel, and of the one after its last; in raster order.
    rows : (H + 1,) int32
        The runs of row y are ``rows[y]`` to ``rows[y + 1]``.
    """
    height, width = image.shape
    # Count the runs of each row, to know the size of what follows.
    rows = np.zeros(height + 1, np.int32)
    for y in range(height):
        before, count = False, 0
        for x in range(width):
            now = (image[y, x] == 0) == background
            count += now and not before
            before = now
        rows[y + 1] = rows[y] + count
    start = np.empty(rows[height], np.int32)
    stop = np.empty(rows[height], np.int32)
    run = 0
    for y in range(height):
        before = False
        for x in range(width):
            now = (image[y, x] == 0) == background
            if now and not before:
                start[run] = y * width + x
            elif before and not now:
                stop[run] = y * width + x
                run += 1
            before = now
        if before:
            stop[run] = (y + 1) * width
            run += 1
    return start, stop, rows


@njit(cache=True)
def _root(parent, run):
    while parent[run] != run:
        parent[run] = parent[parent[run]]
        run = parent[run]
    return run


@njit(cache=True)
def join_runs(start, stop, rows, width, diagonal):
    """Number the connected pieces that runs form.

    Parameters
    ----------
    start, stop, rows : arrays
        From `find_runs`.
    width : int
        Of the image.
    diagonal : bool
        Whether pixels that touch only by a corner are connected.

    Returns
    -------
    piece : (n_runs,) int32
        Piece of each run, from 0, in raster order of each piece's first pixel.
    count : int
        Number of pieces.
    """
    # Union-find over the runs: each is joined to those of the row above that it touches.
    parent = np.arange(start.size).astype(np.int32)
    for y in range(1, rows.size - 1):
        above, end = rows[y - 1], rows[y]
        for run in range(rows[y], rows[y + 1]):
            first, last = start[run] - width - diagonal, stop[run] - width + diagonal
            while above < end and stop[above] <= first:
                above += 1
            other = above
            while other < end and start[other] < last:
                a, b = _root(parent, run), _root(parent, other)
                parent[max(a, b)] = min(a, b)
                other += 1
    # Roots are the first runs of their pieces, so that numbers follow raster order.
    count = 0
    for run in range(parent.size):
        if parent[run] == run:
            parent[run] = count
            count += 1
        else:
            parent[run] = parent[parent[run]]
    return parent, count


@njit(cache=True)
def label_components(mask):
    """Number the 4-connected pieces of a mask.

    Parameters
    ----------
    mask : (H, W) bool

    Returns
    -------
    labels : (H, W) int32
        1..n in raster order of each piece's first pixel, 0 outside.
    count : int
    """
    start, stop, rows = find_runs(mask, False)
    piece, count = join_runs(start, stop, rows, mask.shape[1], False)
    labels = np.zeros(mask.shape, np.int32)
    flat = labels.ravel()
    for run in range(start.size):
        flat[start[run] : stop[run]] = piece[run] + 1
    return labels, count


@njit(cache=True)
def fill_gaps(labels, max_area, one_owner):
    """Fill the enclosed gaps of a label image in place, each with the lowest label beside it.

    A gap is an 8-connected piece of background that does not reach the edge of the image; so a one
    pixel wide diagonal line of background is a way out.

    Parameters
    ----------
    labels : (H, W) bool or integer
        0 = background; contiguous.
    max_area : int
        Gaps of more pixels stay.
    one_owner : bool
        Gaps that touch more than one label stay, too.
    """
    height, width = labels.shape
    flat = labels.ravel()
    start, stop, rows = find_runs(labels, True)
    piece, count = join_runs(start, stop, rows, width, True)
    # Area of each gap; one at the image's edge is too large by definition.
    area = np.zeros(count, np.int64)
    for y in range(height):
        for run in range(rows[y], rows[y + 1]):
            area[piece[run]] += stop[run] - start[run]
            beside_edge = start[run] == y * width or stop[run] == (y + 1) * width
            if beside_edge or y == 0 or y == height - 1:
                area[piece[run]] = max_area + 1
    # Lowest and highest label beside each gap.
    lowest = np.zeros(count, labels.dtype)
    highest = np.zeros(count, labels.dtype)
    for run in range(start.size):
        gap = piece[run]
        if area[gap] > max_area:
            continue
        for pixel in range(start[run], stop[run]):
            for other in (pixel - width, pixel - 1, pixel + 1, pixel + width):
                label = flat[other]
                if label:
                    highest[gap] = max(highest[gap], label)
                    lowest[gap] = min(lowest[gap], label) if lowest[gap] else label
    for run in range(start.size):
        gap = piece[run]
        if area[gap] <= max_area and not (one_owner and lowest[gap] != highest[gap]):
            flat[start[run] : stop[run]] = lowest[gap]
