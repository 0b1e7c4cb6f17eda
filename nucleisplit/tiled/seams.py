"""Where two tiles see one nucleus, keep one of the two.

Tiles overlap, so a nucleus across a seam is seen whole by both, mostly alike. Those that share more
than half the pixels of the smaller compete, and the highest predicted IoU wins, then the next
highest among those that do not compete with it, and so on. What is left may still share a rim of
pixels, which goes to the higher predicted IoU.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nucleisplit.tiled.pixel_runs import overlapping_runs, paint_runs, runs_of

__all__ = ["Nuclei", "settle_seams"]


@dataclass(frozen=True, eq=False)
class Nuclei:
    """Nuclei of several tiles."""

    runs: np.ndarray
    """(n, 4) int32: row of the table, then as of `runs_of`."""
    table: pd.DataFrame
    """One row per nucleus, as of `measure_alone`."""

    def __len__(self) -> int:
        return len(self.table)

    @classmethod
    def join(cls, parts: Sequence[Nuclei]) -> Nuclei:
        """Put nuclei together, in that order."""
        parts = [part for part in parts if len(part)] or list(parts[:1])
        shifts = np.cumsum([0, *map(len, parts[:-1])])
        runs = [part.runs + [[n, 0, 0, 0]] for part, n in zip(parts, shifts, strict=True)]
        table = pd.concat([part.table for part in parts], ignore_index=True)
        return cls(np.concatenate(runs).astype(np.int32), table)

    def take(self, which: np.ndarray) -> Nuclei:
        """Pick nuclei by their numbers, in that order."""
        place = np.full(len(self), -1, np.int32)
        place[which] = np.arange(len(which))
        runs = self.runs[place[self.runs[:, 0]] >= 0]
        runs = np.column_stack([place[runs[:, 0]], runs[:, 1:]]).astype(np.int32)
        return Nuclei(runs, self.table.iloc[which].reset_index(drop=True))


def settle_seams(
    nuclei: Nuclei,
    limit: float,
    measure_part: Callable[[np.ndarray, tuple[int, int], pd.DataFrame], pd.DataFrame],
) -> tuple[Nuclei, Nuclei]:
    """Decide between all nuclei that nothing below `limit` can compete with.

    Parameters
    ----------
    nuclei
        Of neighbouring tiles; those of one tile share no pixels.
    limit
        First row of the tiles that are still to come.
    measure_part
        Measures nuclei that lose pixels anew: ``(labels, origin, rows) -> rows``, from a small
        label image, the place of its first pixel, and their rows of the table.

    Returns
    -------
    settled : Nuclei
        Without overlap, sorted by the first row, then the first column of their boxes.
    pending : Nuclei
        Those that reach beyond the limit, or overlap one that does, directly or through others.
    """
    from scipy.sparse import coo_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    n = len(nuclei)
    pairs, shared = _overlaps(nuclei)
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(n, n))
    group = connected_components(graph, directed=False)[1] if n else np.zeros(0, int)
    beyond = nuclei.table["bbox-2"].to_numpy() > limit
    waits = np.isin(group, group[beyond])
    here = ~waits[pairs[:, 0]] if n else np.zeros(0, bool)
    keep = ~waits & ~_losers(nuclei.table, pairs[here], shared[here])
    place = np.cumsum(keep) - 1
    both = place[pairs[keep[pairs].all(axis=1)]]
    settled = _trim(nuclei.take(np.flatnonzero(keep)), both, measure_part)
    order = np.lexsort((settled.table["bbox-1"], settled.table["bbox-0"]))
    return settled.take(order), nuclei.take(np.flatnonzero(waits))


def _overlaps(nuclei: Nuclei) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of nuclei that share pixels, (m, 2), and how many they share, (m,)."""
    runs = nuclei.runs[np.lexsort((nuclei.runs[:, 2], nuclei.runs[:, 1]))]
    found = overlapping_runs(runs)
    pairs = np.sort(runs[:, 0][found[:, :2]], axis=1)
    pairs, index = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
    return pairs, np.bincount(index.reshape(-1), found[:, 2], minlength=len(pairs))


def _losers(table: pd.DataFrame, pairs: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Which nuclei give way to one that competes with them."""
    area, iou = table["area"].to_numpy(), table["predicted_iou"].to_numpy()
    rivals = defaultdict(list)
    for a, b in pairs[2 * shared > area[pairs].min(axis=1)].tolist():
        rivals[a].append(b)
        rivals[b].append(a)
    lost = np.zeros(len(table), bool)
    for nucleus in sorted(rivals, key=lambda i: (-iou[i], i)):
        if not lost[nucleus]:
            lost[rivals[nucleus]] = True
    return lost


def _trim(nuclei: Nuclei, pairs: np.ndarray, measure_part: Callable) -> Nuclei:
    """Take the pixels that two nuclei share from the one with the lower predicted IoU.

    The order of the nuclei changes, and one that has no pixels left is gone.
    """
    iou = nuclei.table["predicted_iou"].to_numpy()
    over = defaultdict(list)
    for a, b in pairs.tolist():
        winner, loser = (a, b) if (-iou[a], a) < (-iou[b], b) else (b, a)
        over[loser].append(winner)
    untouched = np.setdiff1d(np.arange(len(nuclei)), list(over))
    trimmed = []
    for loser, winners in over.items():
        parts = nuclei.take(np.array([loser, *winners]))
        top, left, bottom, right = (int(parts.table.loc[0, f"bbox-{i}"]) for i in range(4))
        canvas = np.zeros((bottom - top, right - left), np.int32)
        own = parts.runs[:, 0] == 0
        paint_runs(canvas, parts.runs[~own], np.full(len(parts), 2), top, left)
        paint_runs(canvas, parts.runs[own], np.ones(1), top, left)
        canvas[canvas == 2] = 0
        runs = runs_of(canvas, np.array([1]), (top, left))
        if len(runs):
            trimmed.append(Nuclei(runs, measure_part(canvas, (top, left), parts.table[:1])))
    return Nuclei.join([nuclei.take(untouched), *trimmed])
