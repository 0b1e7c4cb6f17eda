"""Make docs/clump.png: a clump of an example image, and the tree of its candidates.

python docs/make_clump.py [--model NAME|PATH] [--leaves 4]
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from skimage.measure import find_contours

from nucleisplit import Segmenter
from nucleisplit.images import read_image
from stage2_trees import Split, split_maps

HERE = Path(__file__).parent
IMAGE = HERE.parent / "examples" / "images" / "cells_crowded.png"
RIM = 6
KEPT, LEFT = "#0a9d3c", "#c7c7c7"


def pick_root(split: Split, leaves: int) -> int:
    """The tree of so many leaves (or the next fewer) with the most nuclei kept in it."""
    candidates = split.forest.candidates
    tree = candidates.tree
    kept = np.bincount(candidates.node[split.chosen], minlength=tree.n_nodes)
    inside = np.array([kept[is_within(tree, node)].sum() for node in range(tree.n_nodes)])
    size = tree.last - tree.first
    fits = np.flatnonzero((size <= leaves) & np.isin(np.arange(tree.n_nodes), candidates.node))
    return int(fits[np.lexsort((inside[fits], size[fits]))[-1]])


def is_within(tree, node: int) -> np.ndarray:
    """Which nodes are the node itself or lie in it."""
    return (tree.first >= tree.first[node]) & (tree.last <= tree.last[node])


def best_candidates(split: Split, nodes: np.ndarray) -> dict[int, int]:
    """The candidate of each node: the one kept, or else the one that adds most."""
    kept = {int(split.forest.candidates.node[c]): int(c) for c in split.chosen}
    return {int(n): kept.get(int(n), int(split.best[n])) for n in nodes if split.best[n] >= 0}


def draw(split: Split, image: np.ndarray, root: int) -> Figure:
    """Every candidate node as a thumbnail over its parts, with predicted IoU; kept ones green."""
    forest, tree = split.forest, split.forest.candidates.tree
    nodes = np.flatnonzero(is_within(tree, root))
    best = best_candidates(split, nodes)
    rows, columns = np.nonzero(forest.mask(best[root]))
    top, left = max(0, rows.min() - RIM), max(0, columns.min() - RIM)
    window = slice(top, rows.max() + RIM + 1), slice(left, columns.max() + RIM + 1)
    depth = {int(root): 0}
    for node in nodes[::-1]:
        for part in (tree.left[node], tree.right[node]):
            if part >= 0:
                depth[int(part)] = depth[int(node)] + 1
    at = {
        n: ((tree.first[n] + tree.last[n]) / 2 - tree.first[root], -level)
        for n, level in depth.items()
    }
    width, height = tree.last[root] - tree.first[root], max(depth.values()) + 1
    figure = Figure((2.1 * width, 2.4 * height))
    lines = figure.add_axes((0, 0, 1, 1))
    lines.axis("off")
    lines.set(xlim=(0, width), ylim=(-height + 0.5, 0.5))
    for node in nodes:
        if node != root and tree.parent[node] in at:
            start, end = at[int(tree.parent[node])], at[int(node)]
            lines.plot(*zip(start, end, strict=True), color=LEFT, lw=1.5, zorder=0)
    for node, candidate in best.items():
        x, y = at[node]
        box = ((x - 0.42) / width, (y + height - 0.9) / height, 0.84 / width, 0.74 / height)
        axes = figure.add_axes(box)
        kept = candidate in split.chosen
        axes.imshow(image[window], cmap="gray")
        for line in find_contours(np.pad(forest.mask(candidate)[window], 1).astype(float), 0.5):
            axes.plot(line[:, 1] - 1, line[:, 0] - 1, color=KEPT if kept else "#e8a33d", lw=2)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=KEPT if kept else LEFT, linewidth=3 if kept else 1)
        axes.set_title(f"IoU {split.candidate_iou[candidate]:.2f}", fontsize=10, pad=3)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--leaves", type=int, default=4)
    options = parser.parse_args()
    segmenter = Segmenter(options.model, device="cpu")
    image = read_image(IMAGE)
    result = segmenter.segment(image, keep_maps=True)
    config = segmenter.bundle.config
    split = split_maps(result.maps, segmenter.regressor, config.forest, selection=config.select)
    figure = draw(split, image, pick_root(split, options.leaves))
    figure.savefig(HERE / "clump.png", dpi=80)


if __name__ == "__main__":
    main()
