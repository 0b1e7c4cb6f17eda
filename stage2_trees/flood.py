"""Flooding from markers with a bucket queue: the watershed of the second stage."""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.pieces import largest_piece


@njit(cache=True)
def flood(levels, pieces, labels, reach):
    """Grow markers over a mask, highest level first, first come first served within a level.

    One 4-connected piece of the mask is flooded after the other.

    Parameters
    ----------
    levels : (H, W) uint8
        Priority of each pixel.
    pieces : tuple of arrays
        From `find_pieces`: where labels may grow.
    labels : (H, W) int32
        Markers, all inside the mask; grown in place.
    reach : (H, W) uint8
        Lowered in place to the lowest value on the way from the marker to each pixel, so that
        every set ``(labels == i) & (reach >= r)`` is one connected piece around its marker.
    """
    pixels, neighbours, bounds = pieces
    level_of, label_of, reach_of = levels.ravel(), labels.ravel(), reach.ravel()
    size = largest_piece(bounds)
    level = np.empty(size, np.uint8)
    label = np.empty(size, np.int32)
    low = np.empty(size, np.uint8)
    following = np.empty(size, np.int32)
    head = np.full(256, -1, np.int32)
    tail = np.full(256, -1, np.int32)
    for i in range(bounds.size - 1):
        # Take the piece out of the image, its markers into the queue.
        begin, end = bounds[i], bounds[i + 1]
        top = -1
        for place in range(end - begin):
            pixel = pixels[begin + place]
            level[place], label[place] = level_of[pixel], label_of[pixel]
            low[place] = reach_of[pixel]
            if label[place]:
                top = max(top, _push(head, tail, following, level[place], place))
        # Flood: a neighbour waits at its own level, or at the present one if that is lower.
        while top >= 0:
            place = head[top]
            if place < 0:
                top -= 1
                continue
            head[top] = following[place]
            for other in neighbours[begin + place]:
                if other >= 0 and not label[other]:
                    label[other] = label[place]
                    low[other] = min(low[place], low[other])
                    _push(head, tail, following, min(top, level[other]), other)
        # Put the piece back.
        for place in range(end - begin):
            pixel = pixels[begin + place]
            label_of[pixel], reach_of[pixel] = label[place], low[place]


@njit(cache=True)
def _push(head, tail, following, level, place):
    following[place] = -1
    if head[level] < 0:
        head[level] = place
    else:
        following[tail[level]] = place
    tail[level] = place
    return level
