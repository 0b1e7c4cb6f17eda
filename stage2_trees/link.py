"""Nuclei of the slices of a stack joined to volumes, by how well their outlines agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from stage2_trees.config import LinkConfig
from stage2_trees.overlap import overlap_table

_ALONE = 1e-6
"""What it counts to stay unmatched: less than any pair that may be matched."""


@dataclass(frozen=True, eq=False)
class Linked:
    """Volumes made of the outlines of slices.

    Attributes
    ----------
    labels : (Z, H, W) int32
        1..n by the slice they begin in, 0 = background.
    volume : (n_sections,) int32
        Volume that each outline of a slice became part of, 0 for none; those of the first slice
        first, by label.
    """

    labels: np.ndarray
    volume: np.ndarray


def link_slices(labels: np.ndarray, config: LinkConfig | None = None) -> Linked:
    """Join the nuclei of consecutive slices.

    Two slices are matched one to one so that the sum of the IoU of the pairs is as large as can
    be; pairs below ``min_iou`` are none. An outline without a partner is then compared with the
    slice after the next, and the slice between is filled with what both share. A chain whose area
    falls to a deep minimum and rises again is two nuclei on top of each other, and is cut there.

    Parameters
    ----------
    labels : (Z, H, W) integer
        In every slice 1..n without gaps, 0 = background.
    config : LinkConfig, optional

    Returns
    -------
    Linked

    Raises
    ------
    ValueError
        If the array has another shape or holds no labels.

    Examples
    --------
    >>> labels = np.array([[[1, 1, 1, 0, 2, 2]], [[2, 2, 2, 2, 0, 1]], [[0, 0, 0, 0, 1, 1]]])
    >>> link_slices(labels, LinkConfig(max_valley=0.4, min_volume=1)).labels[:, 0].tolist()
    [[1, 1, 1, 0, 2, 2], [1, 1, 1, 1, 0, 2], [0, 0, 0, 0, 2, 2]]
    """
    config = config or LinkConfig()
    labels = np.asarray(labels)
    if labels.ndim != 3 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be (Z, H, W) integers, got {labels.dtype} {labels.shape}")
    areas = [np.bincount(image.ravel(), minlength=1)[1:] for image in labels]
    first = np.cumsum([0] + [area.size for area in areas])
    following = np.full(first[-1], -1)
    preceding = following.copy()
    for step in range(1, 2 + config.bridge):
        for z in range(len(labels) - step):
            one, two, iou = _pairs(labels[z], labels[z + step], first[z], first[z + step])
            free = (following[one] < 0) & (preceding[two] < 0) & (iou >= config.min_iou)
            one, two = match(one[free], two[free], iou[free])
            following[one], preceding[two] = two, one
    area = np.concatenate([*areas, np.zeros(0, np.int64)])
    volume = _number(following, preceding, area, config.max_valley)
    slices = np.repeat(np.arange(len(labels)), np.diff(first))
    volume = _keep_large(volume, area, slices, config)
    return Linked(_paint(labels, first, volume, following, slices), volume)


def match(one: np.ndarray, two: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose pairs, each item at most once, so that their weights add up to the most.

    Parameters
    ----------
    one, two : (n,) integer
        The items of each pair.
    weight : (n,) floating
        Above 0.

    Returns
    -------
    one, two : (m,) int64
        The pairs chosen, ordered by ``one``.

    Examples
    --------
    >>> one, two = match(np.array([0, 0, 1]), np.array([5, 6, 5]), np.array([0.5, 0.4, 0.3]))
    >>> one.tolist(), two.tolist()
    ([0, 1], [6, 5])
    """
    from scipy.sparse import csr_array  # slow to import
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    if not one.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    rows, row = np.unique(one, return_inverse=True)
    columns, column = np.unique(two, return_inverse=True)
    alone = np.arange(rows.size)
    graph = csr_array(
        (
            np.append(weight, np.full(rows.size, _ALONE)),
            (np.append(row, alone), np.append(column, columns.size + alone)),
        )
    )
    row, column = min_weight_full_bipartite_matching(graph, maximize=True)
    paired = column < columns.size
    return rows[row[paired]], columns[column[paired]]


def _pairs(a, b, first_a, first_b):
    table = overlap_table(a, b)
    return first_a + table.a_ids - 1, first_b + table.b_ids - 1, table.iou


@njit(cache=True)
def _number(following, preceding, area, max_valley):
    """Number the chains from 1; a chain is cut at the foot of every deep valley of its area."""
    volume = np.zeros(area.size, np.int32)
    count = 0
    for start in range(area.size):
        if preceding[start] >= 0:
            continue
        count += 1
        peak = low = area[start]
        foot = start
        section = start
        while section >= 0:
            volume[section] = count
            if area[section] < low:
                low, foot = area[section], section
            elif low < max_valley * min(peak, area[section]):
                count += 1
                tail = foot
                while tail != following[section]:
                    volume[tail] = count
                    tail = following[tail]
                peak = low = area[section]
                foot = section
            elif area[section] > peak:
                peak = low = area[section]
                foot = section
            section = following[section]
    return volume


def _keep_large(volume, area, slices, config):
    """Drop volumes of few slices or voxels; number the others by their first section."""
    voxels = np.bincount(volume, area, minlength=1)
    sections = np.bincount(volume)
    _, first = np.unique(volume, return_index=True)
    keep = (sections >= config.min_slices) & (voxels >= config.min_volume)
    order = [number for number in volume[np.sort(first)] if keep[number]]
    new = np.zeros(voxels.size, np.int32)
    new[order] = np.arange(1, len(order) + 1)
    return new[volume]


def _paint(labels, first, volume, following, slices):
    out = np.empty(labels.shape, np.int32)
    for z, image in enumerate(labels):
        out[z] = np.append(np.int32(0), volume[first[z] : first[z + 1]])[image]
    over = np.flatnonzero(following >= 0)
    over = over[slices[following[over]] == slices[over] + 2]
    over = over[volume[over] == volume[following[over]]]
    above, below = np.zeros_like(volume), np.zeros_like(volume)
    above[over], below[following[over]] = volume[over], volume[over]
    for z in np.unique(slices[over]):
        one = np.append(np.int32(0), above[first[z] : first[z + 1]])[labels[z]]
        two = np.append(np.int32(0), below[first[z + 2] : first[z + 3]])[labels[z + 2]]
        gap = (one > 0) & (one == two) & (out[z + 1] == 0)
        out[z + 1][gap] = one[gap]
    return out
