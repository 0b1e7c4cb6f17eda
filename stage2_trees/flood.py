"""Flooding from markers with a bucket queue, connected pieces, and holes of label images.

All kernels work on 4-connected foreground and 8-connected background, so that a one pixel wide
diagonal line of low values separates two nuclei, and in linear time.
"""

from __future__ import annotations

import numpy as np
from numba import njit


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
    height, width = mask.shape
    labels = np.zeros((height, width), np.int32)
    stack = np.empty(mask.size, np.int32)
    count = 0
    for y0 in range(height):
        for x0 in range(width):
            if not mask[y0, x0] or labels[y0, x0]:
                continue
            count += 1
            labels[y0, x0] = count
            stack[0] = y0 * width + x0
            size = 1
            while size:
                size -= 1
                y, x = divmod(stack[size], width)
                for step in range(4):
                    yy = y + (step == 0) - (step == 1)
                    xx = x + (step == 2) - (step == 3)
                    if 0 <= yy < height and 0 <= xx < width:
                        if mask[yy, xx] and not labels[yy, xx]:
                            labels[yy, xx] = count
                            stack[size] = yy * width + xx
                            size += 1
    return labels, count


@njit(cache=True)
def flood(levels, mask, labels, reach):
    """Grow markers over a mask, highest level first, first come first served within a level.

    Parameters
    ----------
    levels : (H, W) uint8
        Priority of each pixel.
    mask : (H, W) bool
        Where labels may grow.
    labels : (H, W) int32
        Markers, all inside the mask; grown in place.
    reach : (H, W) uint8
        Lowered in place to the lowest value on the way from the marker to each pixel, so that
        every set ``(labels == i) & (reach >= r)`` is one connected piece around its marker.
    """
    height, width = levels.shape
    following = np.empty(levels.size, np.int32)
    head = np.full(256, -1, np.int32)
    tail = np.full(256, -1, np.int32)
    top = 0
    for start in range(levels.size):
        y, x = divmod(start, width)
        if labels[y, x]:
            top = max(top, _push(head, tail, following, levels[y, x], start))
    while top >= 0:
        pixel = head[top]
        if pixel < 0:
            top -= 1
            continue
        head[top] = following[pixel]
        y, x = divmod(pixel, width)
        label, low = labels[y, x], reach[y, x]
        for step in range(4):
            yy = y + (step == 0) - (step == 1)
            xx = x + (step == 2) - (step == 3)
            if 0 <= yy < height and 0 <= xx < width and mask[yy, xx] and not labels[yy, xx]:
                labels[yy, xx] = label
                reach[yy, xx] = min(low, reach[yy, xx])
                _push(head, tail, following, min(top, levels[yy, xx]), yy * width + xx)


@njit(cache=True)
def _push(head, tail, following, level, pixel):
    following[pixel] = -1
    if head[level] < 0:
        head[level] = pixel
    else:
        following[tail[level]] = pixel
    tail[level] = pixel
    return level


@njit(cache=True)
def enclosed_background(labels, max_area, one_owner):
    """Find the enclosed gaps of a label image.

    Parameters
    ----------
    labels : (H, W) integer
        0 = background.
    max_area : int
        Larger gaps are passed over.
    one_owner : bool
        Pass over gaps that touch more than one label.

    Returns
    -------
    owner : (H, W) int32
        In each gap found the lowest label that touches it, 0 elsewhere. A gap is an 8-connected
        piece of background that does not reach the edge of the image.
    """
    height, width = labels.shape
    owner = np.zeros((height, width), np.int32)
    seen = np.zeros((height, width), np.bool_)
    stack = np.empty(labels.size, np.int32)
    for y0 in range(height):
        for x0 in range(width):
            if labels[y0, x0] or seen[y0, x0]:
                continue
            seen[y0, x0] = True
            stack[0] = y0 * width + x0
            done, size = 0, 1
            lowest, highest, at_edge = 0, 0, False
            while done < size:
                y, x = divmod(stack[done], width)
                done += 1
                at_edge |= y == 0 or x == 0 or y == height - 1 or x == width - 1
                for yy in range(max(y - 1, 0), min(y + 2, height)):
                    for xx in range(max(x - 1, 0), min(x + 2, width)):
                        label = labels[yy, xx]
                        if label:
                            if (yy == y or xx == x) and (not lowest or label < lowest):
                                lowest = label
                            if yy == y or xx == x:
                                highest = max(highest, label)
                        elif not seen[yy, xx]:
                            seen[yy, xx] = True
                            stack[size] = yy * width + xx
                            size += 1
            if at_edge or size > max_area or (one_owner and lowest != highest):
                continue
            for i in range(size):
                y, x = divmod(stack[i], width)
                owner[y, x] = lowest
    return owner
