"""Features of a candidate's family: its parts, its sibling, its parent."""

from __future__ import annotations

import numpy as np

from stage2_trees.forest import Forest
from stage2_trees.sums import Column


def tree_grids(forest: Forest, solidity: np.ndarray) -> dict[str, np.ndarray]:
    """Features of where a node sits in its tree; NaN for the relatives it does not have.

    Parameters
    ----------
    forest : Forest
    solidity : (n_nodes, n_steps) floating
        From `stage2_trees.grids.shape_grids`.

    Returns
    -------
    dict
        Grids over (node, step), or that broadcast to one.
    """
    tree, values = forest.candidates.tree, forest.sums.values
    area = values[:, :, Column.AREA]
    peak, saddle = tree.peak / forest.levels, tree.saddle / forest.levels
    n_leaves = tree.n_leaves
    union = np.arange(n_leaves, tree.n_nodes)
    parts = np.stack([tree.left[union], tree.right[union]])

    def of_unions(grid: np.ndarray) -> np.ndarray:
        out = np.full((tree.n_nodes, *grid.shape[1:]), np.nan)
        out[n_leaves:] = grid
        return out

    def of_parent(grid: np.ndarray) -> np.ndarray:
        out = grid[tree.parent].astype(float)
        out[tree.parent < 0] = np.nan
        return out

    sibling = np.full(tree.n_nodes, -1)
    sibling[parts[0]], sibling[parts[1]] = parts[1], parts[0]
    alone = sibling < 0

    def of_sibling(grid: np.ndarray) -> np.ndarray:
        out = grid[sibling].astype(float)
        out[alone] = np.nan
        return out

    smaller = area[parts].min(axis=0)
    cuts = values[..., Column.CUT :]
    own_cut = of_unions(cuts[union] - cuts[parts].sum(axis=0))
    cut, cut_separation, cut_seed, cut_border = np.moveaxis(own_cut, -1, 0)
    split_separation, split_seed = cut_separation / cut, cut_seed / cut
    split_border = cut_border / cut
    parts_solidity = (solidity[parts] * area[parts]).sum(axis=0) / area[parts].sum(axis=0)
    split_saddle = of_unions(saddle[parts[0]])
    return {
        "peak": peak[:, None],
        "saddle": saddle[:, None],
        "depth": (peak - saddle)[:, None],
        "leaves": (tree.last - tree.first)[:, None],
        "split_saddle": split_saddle[:, None],
        "split_depth": (of_unions(peak[parts].min(axis=0)) - split_saddle)[:, None],
        "split_balance": of_unions(smaller) / area,
        "split_cut": cut / np.sqrt(of_unions(smaller)),
        "split_separation": split_separation,
        "split_seed": split_seed,
        "split_border": split_border,
        "split_solidity": of_unions(parts_solidity) - solidity,
        "cut_separation": values[:, :, Column.CUT_SEPARATION] / values[:, :, Column.CUT],
        "parent_share": area / of_parent(area),
        "parent_solidity": of_parent(solidity) - solidity,
        "sibling_area": np.log(area / of_sibling(area)),
        "sibling_solidity": of_sibling(solidity),
        "sibling_cut": of_parent(cut) / np.sqrt(area),
        "sibling_separation": of_parent(split_separation),
        "sibling_seed": of_parent(split_seed),
        "sibling_border": of_parent(split_border),
    }
