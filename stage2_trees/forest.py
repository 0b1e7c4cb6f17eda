"""The candidate forest: every nucleus that any threshold could give, at several extents.

Candidates are pairs of a node of the merge tree and a step of the body map. They are never stored
as masks: two small images, ``basin`` and ``extent``, and the leaf range of each node describe them
all, so that memory follows the image and not the number of candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from stage2_trees.basins import body_steps, grow_basins
from stage2_trees.config import ForestConfig
from stage2_trees.hierarchy import Hierarchy, build_hierarchy
from stage2_trees.hulls import convex_hulls
from stage2_trees.maps import BODY, check_maps, seed_levels
from stage2_trees.runs import fill_gaps
from stage2_trees.sums import Column, Sums, accumulate


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of one image, without its pixels: what selection needs.

    Attributes
    ----------
    tree : Hierarchy
    node : (n,) int32
        Node of each candidate, ascending.
    step : (n,) int32
        Its step of the body map, from 1; ascending within a node.
    extents : tuple of float
        Body level of each step.
    """

    tree: Hierarchy
    node: np.ndarray
    step: np.ndarray
    extents: tuple[float, ...]

    def __len__(self) -> int:
        return self.node.size

    @property
    def threshold(self) -> np.ndarray:
        """Body level each candidate is cut at, (n,) float32."""
        return np.asarray(self.extents, np.float32)[self.step - 1]


@dataclass(frozen=True, eq=False)
class Forest:
    """Candidates with the pixels and the sums they are described and painted by.

    Attributes
    ----------
    candidates : Candidates
    basin : (H, W) int32
        Leaf number plus 1 of each pixel, 0 outside all.
    extent : (H, W) uint8
        Highest step at which the pixel belongs to its leaf.
    sums : Sums
        Over the pixels and outlines of each node at each step.
    hulls : (n_nodes, n_steps, 3) float32
        Convex area, hull perimeter, largest diameter.
    levels : int
        Grey levels of the tree's ``peak`` and ``saddle``.
    """

    candidates: Candidates
    basin: np.ndarray
    extent: np.ndarray
    sums: Sums
    hulls: np.ndarray
    levels: int

    def __len__(self) -> int:
        return len(self.candidates)

    @property
    def area(self) -> np.ndarray:
        """Pixels of each candidate, (n,) int64."""
        candidates = self.candidates
        area = self.sums.values[candidates.node, candidates.step - 1, Column.AREA]
        return np.rint(area).astype(np.int64)

    def mask(self, candidate: int) -> np.ndarray:
        """Paint one candidate, (H, W) bool, as it is measured: gaps between leaves stay open."""
        node, step = self.candidates.node[candidate], self.candidates.step[candidate]
        tree = self.candidates.tree
        inside = (self.basin > tree.first[node]) & (self.basin <= tree.last[node])
        return inside & (self.extent >= step)

    def paint(self, chosen: np.ndarray) -> np.ndarray:
        """Paint disjoint candidates, the i-th of them with label i + 1, and fill their holes.

        Parameters
        ----------
        chosen : (m,) integer
            Numbers of candidates of which none contains another.

        Returns
        -------
        (H, W) int32

        Raises
        ------
        ValueError
            If a number is out of range, or two of the candidates overlap.
        """
        chosen = np.asarray(chosen, np.int64).reshape(-1)
        if chosen.size and not (0 <= chosen.min() and chosen.max() < len(self)):
            raise ValueError(
                f"candidates are numbered 0 to {len(self) - 1}, "
                f"got {chosen.min()} to {chosen.max()}"
            )
        tree, node = self.candidates.tree, self.candidates.node[chosen]
        sizes = tree.last[node] - tree.first[node]
        owner = np.zeros(tree.n_leaves + 1, np.int32)
        step = np.zeros(tree.n_leaves + 1, np.uint8)
        starts = np.repeat(tree.first[node] - np.cumsum(sizes) + sizes, sizes)
        leaves = starts + np.arange(sizes.sum()) + 1
        if np.unique(leaves).size != leaves.size:
            raise ValueError("the chosen candidates overlap; choose one of each nested pair")
        owner[leaves] = np.repeat(np.arange(1, chosen.size + 1), sizes)
        step[leaves] = np.repeat(self.candidates.step[chosen], sizes)
        labels = _paint(self.basin, self.extent, owner, step)
        fill_gaps(labels, labels.size, True)
        return labels


def build_forest(maps: np.ndarray, config: ForestConfig | None = None) -> Forest:
    """Find all candidates of one image.

    Parameters
    ----------
    maps : (3, H, W) floating
        Probabilities of body, border and separation.
    config : ForestConfig, optional

    Returns
    -------
    Forest

    Raises
    ------
    ValueError
        If the maps have another shape, or hold NaN or values outside [0, 1].

    Examples
    --------
    Two nuclei joined by a bridge: each alone, and both together, at one or two extents.

    >>> maps = np.zeros((3, 5, 13), np.float32)
    >>> maps[0, 1:4, 1:12] = [0.45, 0.9, 0.9, 0.9, 0.9, 0.55, 0.9, 0.9, 0.9, 0.9, 0.45]
    >>> forest = build_forest(maps, ForestConfig(extents=(0.4, 0.5), min_area=1))
    >>> forest.candidates.node.tolist(), forest.candidates.step.tolist()
    ([0, 0, 1, 1, 2, 2], [1, 2, 1, 2, 1, 2])
    >>> forest.area.tolist()
    [18, 15, 15, 12, 33, 27]
    """
    config = config or ForestConfig()
    maps = check_maps(maps)
    levels = seed_levels(maps, config.levels, config.border_weight)
    contrast = max(1, round(config.min_contrast * config.levels))
    inside = maps[BODY] > np.float32(config.extents[0])
    tree = build_hierarchy(levels, inside, contrast, config.min_leaf_area)
    return forest_of(tree, maps, levels, config)


def forest_of(
    tree: Hierarchy,
    maps: np.ndarray,
    levels: np.ndarray,
    config: ForestConfig,
    allowed: np.ndarray | None = None,
) -> Forest:
    """Give a tree its pixels, sums and candidates.

    Parameters
    ----------
    tree : Hierarchy
    maps : (3, H, W) float32
    levels : (H, W) uint8
        Priority by which the leaves' basins are flooded.
    config : ForestConfig
    allowed : (n_nodes,) bool, optional
        Nodes that may be candidates; all by default.
    """
    n_steps = len(config.extents)
    steps = body_steps(maps[BODY], config.extents)
    basin, extent = grow_basins(levels, steps, tree, config.max_hole)
    sums = accumulate(basin, extent, maps, tree, n_steps)
    hulls = convex_hulls(basin, extent, tree, n_steps, config.max_leaves)
    keep = _worth_trying(
        sums.values[:, :, Column.AREA],
        sums.connected,
        tree.last - tree.first,
        config.min_area,
        config.min_area_step,
        config.max_leaves,
    )
    if allowed is not None:
        keep &= allowed[:, None]
    node, step = (index.astype(np.int32) for index in np.nonzero(keep))
    candidates = Candidates(tree, node, step + np.int32(1), config.extents)
    return Forest(candidates, basin, extent, sums, hulls, config.levels)


@njit(cache=True)
def _worth_trying(area, connected, size, min_area, min_area_step, max_leaves):
    n_nodes, n_steps = area.shape
    keep = np.zeros((n_nodes, n_steps), np.bool_)
    for node in range(n_nodes):
        if size[node] > max_leaves:
            continue
        wider = np.inf
        for step in range(min(n_steps, connected[node])):
            if area[node, step] < min_area:
                break
            if area[node, step] <= (1 - min_area_step) * wider:
                keep[node, step] = True
                wider = area[node, step]
    return keep


@njit(cache=True)
def _paint(basin, extent, owner, step):
    height, width = basin.shape
    labels = np.zeros((height, width), np.int32)
    for y in range(height):
        for x in range(width):
            leaf = basin[y, x]
            if extent[y, x] and extent[y, x] >= step[leaf]:
                labels[y, x] = owner[leaf]
    return labels
