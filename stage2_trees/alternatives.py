"""Second opinions: what each nucleus would have been, had the next best candidate won.

For a kept nucleus four other readings of the same place are looked up in the forest:

- *merged*: a candidate around it that takes in other kept nuclei as well, its partners;
- *split*: the best set of two or more nuclei inside it, exactly, by dynamic programming;
- *tighter* and *wider*: the best smaller and the best larger candidate in its place alone, in most
  cases the same node at another extent.

All are measured by what they add to the expected metric, against the nuclei they would replace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from stage2_trees.split import Split

KINDS = ("merged", "split", "tighter", "wider")
"""The kinds of second opinion, in the order of the columns of `SecondOpinions`."""

MERGED, SPLIT, TIGHTER, WIDER = range(4)


@dataclass(frozen=True, eq=False)
class Alternative:
    """Another reading of one nucleus.

    Attributes
    ----------
    kind : str
        One of `KINDS`, or ``added``.
    predicted_iou : float
        IoU to expect of its nuclei, their mean; comparable with that of the nucleus itself.
    margin : float
        How far it lies behind what is kept, in expected hits of the metric: near 0 the choice
        was a close one. Below 0 only where a margin, a bias or the sensitivity of the
        selection decided.
    partners : tuple of int
        Labels of the other nuclei that it would replace; of *merged* only.
    candidates : (k,) int64
        Its candidates, of which *split* has two or more.
    labels : (h, w) int32
        Their masks, as labels 1 to k, within a box around them.
    corner : tuple of int
        Row and column of that box's first pixel in the image.
    """

    kind: str
    predicted_iou: float
    margin: float
    partners: tuple[int, ...]
    candidates: np.ndarray
    labels: np.ndarray
    corner: tuple[int, int]


@dataclass(frozen=True, eq=False)
class SecondOpinions:
    """The alternatives of all nuclei of an image; row i belongs to label i + 1.

    Attributes
    ----------
    margin : (n, 4) float64
        As in `Alternative`, one column per kind; infinite where there is no such alternative.
    predicted_iou : (n, 4) float64
        NaN where there is none.
    candidate : (n, 4) int64
        -1 where there is none, and for *split*.
    parts : (k,) int64
        The candidates of all splits, nucleus by nucleus.
    start : (n + 1,) int64
        Those of label i + 1 are ``parts[start[i]:start[i + 1]]``.
    """

    margin: np.ndarray
    predicted_iou: np.ndarray
    candidate: np.ndarray
    parts: np.ndarray
    start: np.ndarray

    def closest(self, kinds: Sequence[str] = KINDS) -> np.ndarray:
        """Column of the alternative with the smallest margin among these kinds.

        Returns
        -------
        (n,) int64
            -1 where there is none of them.

        Raises
        ------
        ValueError
            If a kind is unknown.
        """
        if not kinds or set(kinds) - set(KINDS):
            raise ValueError(f"kinds must be some of {', '.join(KINDS)}, got {list(kinds)}")
        margin = np.where(np.isin(KINDS, kinds), self.margin, np.inf)
        return np.where(np.isfinite(margin).any(axis=1), margin.argmin(axis=1), -1)


def second_opinions(split: Split) -> SecondOpinions:
    """Look up the alternatives of all nuclei at once.

    Parameters
    ----------
    split : Split
        From `split_maps` or `choose`.

    Returns
    -------
    SecondOpinions
    """
    candidates, own = split.forest.candidates, split.gain[split.chosen]
    tree = candidates.tree
    tables = _tables(split.gain, split.best, tree.left, tree.right)
    margin, candidate = _single(
        split.chosen,
        split.gain,
        split.best,
        split.forest.area,
        candidates.node,
        np.searchsorted(candidates.node, np.arange(tree.n_nodes + 1)),
        tables[1],
        (tree.left, tree.right, tree.parent, tree.first, tree.last),
    )
    nodes = candidates.node[split.chosen]
    parts, count = _splits(nodes, split.gain, split.best, *tables, tree.left, tree.right)
    iou = np.where(candidate >= 0, split.candidate_iou[candidate], np.nan).astype(float)
    start = np.concatenate([[0], np.cumsum(count)])
    some = np.flatnonzero(count)
    if some.size:
        margin[some, SPLIT] = own[some] - np.add.reduceat(split.gain[parts], start[some])
        iou[some, SPLIT] = np.add.reduceat(split.candidate_iou[parts], start[some]) / count[some]
    return SecondOpinions(margin, iou, candidate, parts, start)


def alternatives_of(
    split: Split,
    label: int,
    opinions: SecondOpinions | None = None,
    kinds: Sequence[str] = KINDS,
) -> list[Alternative]:
    """List the alternatives of one nucleus, the closest first.

    Parameters
    ----------
    split : Split
    label : int
    opinions : SecondOpinions, optional
        Of the same split, if they are at hand.
    kinds : sequence of str
        Those wanted; each takes time to draw.

    Raises
    ------
    ValueError
        If there is no nucleus of this label.
    """
    if not 1 <= label <= split.chosen.size:
        raise ValueError(f"labels are numbered 1 to {split.chosen.size}, got {label}")
    opinions = second_opinions(split) if opinions is None else opinions
    row, out = label - 1, []
    for kind in np.argsort(opinions.margin[row], kind="stable"):
        if np.isinf(opinions.margin[row, kind]) or KINDS[kind] not in kinds:
            continue
        members = opinions.candidate[row, kind : kind + 1]
        if kind == SPLIT:
            members = opinions.parts[opinions.start[row] : opinions.start[row + 1]]
        painted, corner = paint_part(split, members)
        partners = _inside(split, members[0], label) if kind == MERGED else ()
        iou, margin = opinions.predicted_iou[row, kind], opinions.margin[row, kind]
        out.append(
            Alternative(KINDS[kind], float(iou), float(margin), partners, members, painted, corner)
        )
    return out


def _inside(split: Split, candidate: int, label: int) -> tuple[int, ...]:
    """The other labels whose nuclei lie within the node of a candidate."""
    candidates = split.forest.candidates
    tree, node = candidates.tree, candidates.node[candidate]
    first = tree.first[candidates.node[split.chosen]]
    found = np.flatnonzero((first >= tree.first[node]) & (first < tree.last[node])) + 1
    return tuple(int(other) for other in found if other != label)


def paint_part(split: Split, members: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Labels of disjoint candidates, holes filled, in the box around them, and its corner."""
    forest, candidates = split.forest, split.forest.candidates
    boxes = forest.sums.box[candidates.node[members], candidates.step[members] - 1]
    top, left = boxes[:, :2].min(axis=0)
    bottom, right = boxes[:, 2:].max(axis=0) + 1
    window = slice(top, bottom), slice(left, right)
    basin, extent = (np.ascontiguousarray(image[window]) for image in (forest.basin, forest.extent))
    return replace(forest, basin=basin, extent=extent).paint(members), (int(top), int(left))


@njit(cache=True)
def _tables(gain, best, left, right):
    """Within each node: value of the best set, best single candidate, value of the best several.

    The best set that is not empty is the best set, or the best single candidate where that is
    empty. Two or more nuclei lie on both sides of a union, or all of them on one.
    """
    n_nodes = best.size
    value = np.zeros(n_nodes)
    single = best.copy()
    several = np.full(n_nodes, -np.inf)
    some = np.full(n_nodes, -np.inf)
    for node in range(n_nodes):
        own = gain[best[node]] if best[node] >= 0 else -np.inf
        value[node] = max(own, 0.0)
        if left[node] >= 0:
            a, b = left[node], right[node]
            value[node] = max(own, value[a] + value[b])
            several[node] = max(some[a] + some[b], several[a], several[b])
            for i in (single[a], single[b]):
                if i >= 0 and (single[node] < 0 or gain[i] > gain[single[node]]):
                    single[node] = i
        if single[node] >= 0:
            some[node] = value[node] if value[node] > 0 else gain[single[node]]
    return value, single, several, some


@njit(cache=True)
def _single(chosen, gain, best, area, node_of, start, single, tree):
    """Margin and candidate of the kinds that are one candidate: all but the splits."""
    left, right, parent, first, last = tree
    n = chosen.size
    candidate = np.full((n, 4), -1, np.int64)
    margin = np.full((n, 4), np.inf)
    # Gain and number of the nuclei kept whose first leaf lies before each leaf.
    kept = np.zeros(left.size + 1)
    count = np.zeros(left.size + 1, np.int64)
    for i in chosen:
        kept[first[node_of[i]] + 1] += gain[i]
        count[first[node_of[i]] + 1] += 1
    kept, count = np.cumsum(kept), np.cumsum(count)
    largest = 0
    for node in node_of:
        largest = max(largest, last[node] - first[node])
    for row in range(n):
        # The same node at its other outline levels.
        own = chosen[row]
        node = node_of[own]
        for i in range(start[node], start[node + 1]):
            if i != own:
                kind = TIGHTER if i > own else WIDER
                _offer(margin[row], candidate[row], kind, i, gain, gain[own])
        # One of its parts alone.
        if left[node] >= 0:
            for i in (single[left[node]], single[right[node]]):
                if i >= 0 and area[i] < area[own]:
                    _offer(margin[row], candidate[row], TIGHTER, i, gain, gain[own])
        # A node above it: in place of all the nuclei kept there, or of this one alone.
        node = parent[node]
        while node >= 0 and last[node] - first[node] <= largest:
            i, partners = best[node], count[last[node]] - count[first[node]] - 1
            if i >= 0 and (partners or area[i] > area[own]):
                worth = kept[last[node]] - kept[first[node]]
                _offer(margin[row], candidate[row], MERGED if partners else WIDER, i, gain, worth)
            node = parent[node]
    return margin, candidate


@njit(cache=True)
def _offer(margin, candidate, kind, i, gain, worth):
    """Keep the candidate if it comes closer to what it would replace than the one found before."""
    if worth - gain[i] < margin[kind]:
        margin[kind] = worth - gain[i]
        candidate[kind] = i


@njit(cache=True)
def _splits(nodes, gain, best, value, single, several, some, left, right):
    """The best set of two or more inside each node, one after the other, and their numbers."""
    parts = np.empty(best.size, np.int64)
    count = np.zeros(nodes.size, np.int64)
    stack = np.empty(best.size, np.int64)
    size = 0
    for row in range(nodes.size):
        node = nodes[row]
        if several[node] == -np.inf:
            continue
        # Down to the union whose two sides both hold nuclei of the best set.
        while several[node] > some[left[node]] + some[right[node]]:
            a, b = left[node], right[node]
            node = a if several[a] >= several[b] else b
        # Collect the best set of each side; where that is empty, its best single candidate.
        stack[0], stack[1], height = left[node], right[node], 2
        begin = size
        while height:
            height -= 1
            node = stack[height]
            a, b = left[node], right[node]
            own = gain[best[node]] if best[node] >= 0 else -np.inf
            if value[node] <= 0 or own >= value[node]:
                parts[size] = single[node] if value[node] <= 0 else best[node]
                size += 1
            else:
                for part in (a, b):
                    if value[part] > 0:
                        stack[height] = part
                        height += 1
        count[row] = size - begin
    return parts[:size].copy(), count
