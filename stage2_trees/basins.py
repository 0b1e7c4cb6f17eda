"""Every leaf's own pixels, and how far out each of them lies in steps of the body map.

The watershed gives each leaf a basin; the basins are disjoint, so the masks of a node (the union
of its leaves' basins) nest inside those of its parent. A pixel's *extent* counts the body levels
at which it still belongs to its leaf, connected with the peak and with holes filled: the mask of
a node at step k is ``first < basin <= last and extent >= k``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.flood import flood
from stage2_trees.hierarchy import Hierarchy
from stage2_trees.pieces import find_pieces
from stage2_trees.runs import fill_gaps


def body_steps(body: np.ndarray, extents: tuple[float, ...]) -> np.ndarray:
    """Count, per pixel, the levels below the body value.

    Examples
    --------
    >>> body_steps(np.array([[0.2, 0.35, 0.9]], np.float32), (0.3, 0.5)).tolist()
    [[0, 1, 2]]
    """
    return _steps(body, np.asarray(extents, np.float32))


def grow_basins(
    levels: np.ndarray, steps: np.ndarray, tree: Hierarchy, max_hole: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give each leaf its basin, and each pixel its extent.

    Parameters
    ----------
    levels : (H, W) uint8
        Quantised seed map, the priority of the watershed.
    steps : (H, W) uint8
        From `body_steps`; pixels with 0 stay outside unless they lie in a hole.
    tree : Hierarchy
    max_hole : int
        Enclosed gaps of at most this many pixels count as part of the foreground.

    Returns
    -------
    basin : (H, W) int32
        Leaf number plus 1, 0 outside.
    extent : (H, W) uint8
        0 to the number of levels.
    """
    mask = steps > 0
    fill_gaps(mask.view(np.uint8), max_hole, False)
    basin = np.zeros(levels.shape, np.int32)
    basin.ravel()[tree.pixels] = np.arange(1, tree.n_leaves + 1)
    extent = steps.copy()
    pieces = find_pieces(mask)
    flood(levels, pieces, basin, extent)
    return basin, _fill_holes(basin, extent, pieces)


@njit(cache=True)
def _steps(body, extents):
    height, width = body.shape
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        for level in extents:
            for x in range(width):
                out[y, x] += body[y, x] > level
    return out


@njit(cache=True)
def _fill_holes(basin, extent, pieces):
    """Raise each pixel to the lowest pass on its way out of its basin (8-connected).

    The way out starts at the pixels beside another basin, the background or the image's edge.
    Pixels of the highest step are walls that nothing below them has to cross.
    """
    height, width = basin.shape
    pixels, _, bounds = pieces
    top = 0
    for value in extent.ravel():
        top = max(top, value)
    filled = np.zeros((height, width), np.uint8)
    done = np.zeros((height, width), np.bool_)
    # Pixels to visit, one stack for each level.
    following = np.empty(basin.size, np.int32)
    head = np.full(256, -1, np.int32)
    for piece in range(bounds.size - 1):
        # Where the ways out begin; everything else is as high as can be until a way reaches it.
        for pixel in pixels[bounds[piece] : bounds[piece + 1]]:
            y, x = divmod(pixel, width)
            label = basin[y, x]
            if not label:
                continue
            filled[y, x] = top
            value = extent[y, x]
            if value == top:
                continue
            outer = y == 0 or x == 0 or y == height - 1 or x == width - 1
            if not outer:
                for yy in range(y - 1, y + 2):
                    for xx in range(x - 1, x + 2):
                        outer |= basin[yy, xx] != label
            if outer:
                done[y, x] = True
                filled[y, x] = value
                following[pixel] = head[value]
                head[value] = pixel
        # Inwards, lowest level first, so that the first way to reach a pixel has the lowest pass.
        for level in range(top):
            while head[level] >= 0:
                pixel = head[level]
                head[level] = following[pixel]
                y, x = divmod(pixel, width)
                for yy in range(max(y - 1, 0), min(y + 2, height)):
                    for xx in range(max(x - 1, 0), min(x + 2, width)):
                        if done[yy, xx] or basin[yy, xx] != basin[y, x] or extent[yy, xx] == top:
                            continue
                        done[yy, xx] = True
                        value = max(level, extent[yy, xx])
                        filled[yy, xx] = value
                        following[yy * width + xx] = head[value]
                        head[value] = yy * width + xx
    return filled
