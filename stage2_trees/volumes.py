"""Maps of a stack cut in 3-D: the merge tree of the voxels, its most ellipsoidal nodes kept."""

from __future__ import annotations

import numpy as np
from numba import njit

from stage2_trees.config import VolumeConfig
from stage2_trees.flood import flood
from stage2_trees.hierarchy import Hierarchy, hierarchy_of

_BALL = 4 / 3 * np.pi * 5**1.5
"""Volume of an ellipsoid whose covariance has determinant 1."""


def cut_volume(
    maps: np.ndarray, anisotropy: float = 1.0, config: VolumeConfig | None = None
) -> np.ndarray:
    """Cut the maps of a stack into volumes.

    The component tree of body * (1 - separation)^3 over the voxels, smoothed, gives nested
    candidates, as `build_forest` does in an image; a watershed gives each of its leaves its voxels
    of body > ``config.body``. A union is kept whole where it fills its ellipsoid of inertia better
    than its parts fill theirs (the mean over their voxels): that ratio is 1 for an ellipsoid of
    any axes, whatever the distance of the slices, and lower for every other shape.

    Parameters
    ----------
    maps : (3, Z, H, W) uint8
        Probabilities of body, border and separation times 255. The mean over planes of three
        directions weakens the separation, which one of them does not see; hence the power.
    anisotropy : float
        Distance of the slices by the size of a pixel.
    config : VolumeConfig, optional

    Returns
    -------
    (Z, H, W) int32
        1..n by the slice they begin in, 0 = background.

    Raises
    ------
    ValueError
        If the maps have another shape or type, or the anisotropy is not positive.

    Examples
    --------
    >>> maps = np.zeros((3, 4, 5, 6), np.uint8)
    >>> maps[0, :, 2:, :3] = maps[0, :, :3, 3:] = 230
    >>> maps[2, :, 2, 2:4] = 200
    >>> cut_volume(maps, config=VolumeConfig(smoothing=0))[1].tolist()
    [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [2, 2, 2, 1, 1, 1], [2, 2, 2, 0, 0, 0],
     [2, 2, 2, 0, 0, 0]]
    """
    config = config or VolumeConfig()
    maps = np.asarray(maps)
    if maps.ndim != 4 or maps.shape[0] != 3 or maps.dtype != np.uint8:
        raise ValueError(f"maps must be (3, Z, H, W) uint8, got {maps.dtype} {maps.shape}")
    if not 0 < anisotropy < np.inf:
        raise ValueError(f"anisotropy must be positive, got {anisotropy}")
    levels = _seed_levels(maps, config.smoothing, anisotropy)
    mask = _without_holes(maps[0] > config.body * 255, config.max_hole)
    pieces = _voxel_pieces(*_numbered(mask))
    contrast = max(1, round(255 * config.min_contrast))
    tree = hierarchy_of(levels, pieces, contrast, config.min_leaf_volume)
    labels = np.zeros(levels.shape, np.int32)
    labels.ravel()[tree.pixels] = np.arange(1, tree.n_leaves + 1)
    flood(levels, pieces, labels, np.ones(levels.shape, np.uint8))
    kept = _choose(tree, _moments(labels, tree.n_leaves), config)
    _renumber(labels, kept)
    return labels


def _seed_levels(maps: np.ndarray, smoothing: float, anisotropy: float) -> np.ndarray:
    seed = np.empty(maps.shape[1:], np.uint16)
    passing = np.float32(65535 / 255) * (1 - np.arange(256, dtype=np.float32) / 255) ** 3
    for z, (body, separation) in enumerate(zip(maps[0], maps[2], strict=True)):
        seed[z] = body * passing[separation]
    if smoothing:
        from scipy import ndimage as ndi  # slow to import

        sigma = (smoothing / anisotropy, smoothing, smoothing)
        ndi.gaussian_filter(seed, sigma, output=seed)
    return (seed >> 8).astype(np.uint8)


def _without_holes(mask: np.ndarray, max_hole: int) -> np.ndarray:
    from scipy import ndimage as ndi

    gaps, count = ndi.label(~mask)
    if count:
        small = np.bincount(gaps.ravel()) <= max_hole
        for axis in range(3):
            for side in (0, -1):
                small[np.take(gaps, side, axis)] = False
        mask |= small[gaps]
    return mask


def _numbered(mask: np.ndarray) -> tuple[np.ndarray, int]:
    from scipy import ndimage as ndi

    piece, count = ndi.label(mask)
    return piece.astype(np.int32, copy=False), count


@njit(cache=True)
def _voxel_pieces(piece, count):
    """List the voxels of numbered 6-connected pieces, as `find_pieces` does for pixels."""
    depth, height, width = piece.shape
    bounds = np.zeros(count + 1, np.int64)
    for number in piece.ravel():
        if number:
            bounds[number] += 1
    for i in range(count):
        bounds[i + 1] += bounds[i]
    free = bounds[:-1].copy()
    voxels = np.empty(bounds[count], np.int32)
    neighbours = np.full((bounds[count], 6), -1, np.int32)
    place = np.empty(piece.shape, np.int32)
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                number = piece[z, y, x]
                if not number:
                    continue
                here = free[number - 1]
                free[number - 1] += 1
                base = bounds[number - 1]
                voxels[here] = (z * height + y) * width + x
                own = here - base
                place[z, y, x] = own
                if z and piece[z - 1, y, x]:
                    other = place[z - 1, y, x]
                    neighbours[here, 0], neighbours[base + other, 1] = other, own
                if y and piece[z, y - 1, x]:
                    other = place[z, y - 1, x]
                    neighbours[here, 2], neighbours[base + other, 3] = other, own
                if x and piece[z, y, x - 1]:
                    other = place[z, y, x - 1]
                    neighbours[here, 4], neighbours[base + other, 5] = other, own
    return voxels, neighbours, bounds


@njit(cache=True)
def _moments(labels, count):
    """Volume, sums and sums of products of the coordinates of each label, (count, 10)."""
    sums = np.zeros((count, 10))
    depth, height, width = labels.shape
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                label = labels[z, y, x]
                if label:
                    row = sums[label - 1]
                    row[0] += 1
                    row[1] += z
                    row[2] += y
                    row[3] += x
                    row[4] += z * z
                    row[5] += y * y
                    row[6] += x * x
                    row[7] += z * y
                    row[8] += z * x
                    row[9] += y * x
    return sums


def _choose(tree: Hierarchy, moments: np.ndarray, config: VolumeConfig) -> np.ndarray:
    """Name for each leaf the node that is kept, plus 1; 0 for none."""
    sums = np.zeros((tree.n_nodes, 10))
    sums[: tree.n_leaves] = moments
    for node in range(tree.n_leaves, tree.n_nodes):  # children come before their parents
        sums[node] = sums[tree.left[node]] + sums[tree.right[node]]
    best = sums[:, 0] * fullness(sums)
    keep = sums[:, 0] >= config.min_volume
    kept = np.arange(1, tree.n_leaves + 1, dtype=np.int32) * keep[: tree.n_leaves]
    for node in range(tree.n_leaves, tree.n_nodes):
        parts = best[tree.left[node]] + best[tree.right[node]]
        if best[node] * (1 - config.split_bias) >= parts:
            kept[tree.first[node] : tree.last[node]] = (node + 1) * keep[node]
        else:
            best[node] = parts
    return kept


@njit(cache=True)
def _renumber(labels, kept):
    """Give each voxel, in place, the node kept of its leaf, numbered in raster order."""
    new = np.zeros(2 * kept.size + 1, np.int32)
    flat = labels.ravel()
    count = 0
    for voxel in range(flat.size):
        node = kept[flat[voxel] - 1] if flat[voxel] else 0
        if node and not new[node]:
            count += 1
            new[node] = count
        flat[voxel] = new[node]


def fullness(sums: np.ndarray) -> np.ndarray:
    """Volume by that of the ellipsoid with the same second moments, (n,) float64.

    Parameters
    ----------
    sums : (n, 10) floating
        Volume, sums of z, y and x, of their squares, and of zy, zx and yx over the voxels.
    """
    volume = np.maximum(sums[:, :1], 1)
    mean, square, mixed = np.split(sums[:, 1:] / volume, 3, axis=1)
    zz, yy, xx = (square - mean**2 + 1 / 12).T  # a voxel is no point
    zy, zx, yx = (mixed - mean[:, [0, 0, 1]] * mean[:, [1, 2, 2]]).T
    det = zz * (yy * xx - yx**2) - zy * (zy * xx - yx * zx) + zx * (zy * yx - yy * zx)
    return volume[:, 0] / (_BALL * np.sqrt(np.maximum(det, 1e-9)))
