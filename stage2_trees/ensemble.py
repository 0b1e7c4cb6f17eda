"""Boosted trees, read from LightGBM's text and evaluated here: many times as fast.

LightGBM fits the trees and writes them; to use them its library is not needed. A tree is not
descended: each of its splits crosses out the leaves that a row cannot reach any more, one bit a
leaf, and the first leaf left is the row's (QuickScorer: Lucchese et al. 2015, "QuickScorer: a fast
algorithm to rank documents with additive ensembles of regression trees"). So all rows of a block do
the same at every split, which the vector units of the processor do for many rows at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

MAX_LEAVES = 32
"""Most leaves of a tree, the bits of a word."""

_BLOCK = 128
_ALL = np.uint32(0xFFFFFFFF)
_ONE = np.uint32(1)
_DE_BRUIJN = np.uint32(0x077CB531)
_SHIFT = np.uint32(27)
"""Times this number, shifted by that, each single bit gives another number below 32."""

_CATEGORICAL, _DEFAULT_LEFT, _MISSING, _NAN = 1, 2, 12, 8
"""Bits of LightGBM's decision types; `_NAN` is the value of the `_MISSING` bits for NaN."""


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """Regression trees whose outputs are added.

    Attributes
    ----------
    first : (n_trees + 1,) int32
        The splits of tree i are ``first[i] <= split < first[i + 1]``.
    feature : (n_splits,) int32
        Column that a split looks at.
    threshold : (n_splits,) float32
        Rows with at most this value go left.
    nan_left : (n_splits,) bool
        Whether rows with NaN go left.
    keep : (n_splits,) uint32
        The leaves that a row that goes right can still reach, the leftmost being the lowest bit.
    value : (n_trees, 32) float64
        What each leaf adds, at the place that its bit is hashed to.
    """

    first: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    nan_left: np.ndarray
    keep: np.ndarray
    value: np.ndarray

    @classmethod
    def from_text(cls, text: str) -> TreeEnsemble:
        """Read the text that ``lightgbm.Booster.model_to_string`` gives.

        Raises
        ------
        ValueError
            If it is no such text, or holds what our trees never do: more than `MAX_LEAVES` leaves,
            categorical splits, linear leaves, several outputs, or links that form no tree.
        """
        trees = [_read_tree(fields) for fields in _trees(text)]
        if not trees:
            raise ValueError("no trees in the text")
        *splits, value = zip(*trees, strict=True)
        sizes = [len(feature) for feature in splits[0]]
        feature, threshold, nan_left, keep = (np.concatenate(column) for column in splits)
        return cls(
            np.cumsum([0, *sizes]).astype(np.int32),
            feature.astype(np.int32),
            threshold.astype(np.float32),
            nan_left.astype(bool),
            keep.astype(np.uint32),
            np.stack(value),
        )

    @property
    def n_columns(self) -> int:
        """Fewest columns that rows must have."""
        return int(self.feature.max(initial=-1)) + 1

    @property
    def n_trees(self) -> int:
        """How many trees there are."""
        return self.first.size - 1

    def head(self, n_trees: int) -> TreeEnsemble:
        """Return the first trees alone."""
        return replace(self, first=self.first[: n_trees + 1])

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Add up the trees for each row.

        Parameters
        ----------
        X : (n, n_features) float32
            NaN where a value is missing.

        Returns
        -------
        (n,) float64
            Bit for bit what LightGBM predicts.

        Raises
        ------
        ValueError
            If there are too few columns.
        """
        X = np.ascontiguousarray(X, np.float32)
        if X.ndim != 2 or X.shape[1] < self.n_columns:
            raise ValueError(f"X must have {self.n_columns} columns or more, got shape {X.shape}")
        return _predict(
            X, self.first, self.feature, self.threshold, self.nan_left, self.keep, self.value
        )


def _trees(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of every tree."""
    body = text.partition("end of trees")
    head, *trees = body[0].split("\nTree=")
    if not body[1] or not head.startswith("tree\n"):
        raise ValueError("not a whole LightGBM model")
    if "num_tree_per_iteration=1\n" not in head:
        raise ValueError("the model has several outputs")
    for tree in trees:
        yield dict(line.split("=", 1) for line in tree.splitlines() if "=" in line)


def _read_tree(fields: dict[str, str]) -> tuple[np.ndarray, ...]:
    """Read columns, thresholds, where NaN goes and leaves kept of the splits; and leaf values."""
    try:
        value = np.array(fields["leaf_value"].split(), float)
        if int(fields["num_leaves"]) != value.size or fields.get("is_linear", "0") != "0":
            raise ValueError("the leaves of a tree are not single numbers")
        if value.size > MAX_LEAVES:
            raise ValueError(f"a tree has {value.size} leaves, at most {MAX_LEAVES} are supported")
        if value.size == 1:
            none = np.zeros(0, int)
            return none, none, none, none, np.full(MAX_LEAVES, value[0])
        names = ("split_feature", "decision_type", "left_child", "right_child")
        feature, kind, left, right = (np.array(fields[name].split(), int) for name in names)
        threshold = np.array(fields["threshold"].split(), float)
    except KeyError as error:
        raise ValueError(f"a tree lacks {error}") from error
    n = value.size - 1
    if not feature.size == kind.size == threshold.size == left.size == right.size == n:
        raise ValueError(f"a tree of {n + 1} leaves needs {n} splits, got {feature.size}")
    if (kind & _CATEGORICAL).any() or feature.min() < 0:
        raise ValueError("a tree has categorical splits")
    # LightGBM takes NaN for 0 at a split that has not met it in training.
    nan_left = np.where(kind & _MISSING == _NAN, kind & _DEFAULT_LEFT > 0, threshold >= 0)
    order, keep = _order_leaves(left.tolist(), right.tolist())
    slots = np.zeros(MAX_LEAVES)
    bits = _ONE << np.arange(n + 1, dtype=np.uint32)
    slots[(bits * _DE_BRUIJN) >> _SHIFT] = value[order]
    return feature, _round_down(threshold), nan_left, keep, slots


def _order_leaves(left: list[int], right: list[int]) -> tuple[list[int], np.ndarray]:
    """List the leaves from left to right, and the bits outside the left half of each split."""
    order: list[int] = []
    spans = [(0, 0)] * len(left)
    todo, seen = [(0, False)], 0
    while todo:
        node, left_done = todo.pop()
        if node < 0:
            order.append(-1 - node)
        elif left_done:
            spans[node] = (spans[node][0], len(order))
            todo.append((right[node], False))
        else:
            seen += 1
            if node >= len(left) or seen > len(left):
                raise ValueError("the splits of a tree do not form a tree")
            spans[node] = (len(order), 0)
            todo += [(node, True), (left[node], False)]
    if sorted(order) != list(range(len(left) + 1)):
        raise ValueError("the splits of a tree do not form a tree")
    away = [(1 << stop) - (1 << start) for start, stop in spans]
    return order, np.array([int(_ALL) & ~bits for bits in away], np.uint32)


def _round_down(values: np.ndarray) -> np.ndarray:
    """Largest float32 not above each value: comparing float32 with either gives the same."""
    near = values.astype(np.float32)
    return np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)


@njit(cache=True)
def _predict(X, first, feature, threshold, nan_left, keep, value):
    out = np.zeros(len(X))
    columns = np.zeros((X.shape[1], _BLOCK), np.float32)
    alive = np.empty(_BLOCK, np.uint32)
    for start in range(0, len(X), _BLOCK):
        size = min(_BLOCK, len(X) - start)
        columns[:, :size] = X[start : start + size].T
        for tree in range(first.size - 1):
            alive[:] = _ALL
            for split in range(first[tree], first[tree + 1]):
                column, at, left_out = columns[feature[split]], threshold[split], keep[split]
                if nan_left[split]:
                    for i in range(_BLOCK):
                        alive[i] &= left_out if column[i] > at else _ALL
                else:
                    for i in range(_BLOCK):
                        alive[i] &= _ALL if column[i] <= at else left_out
            for i in range(size):
                lowest = alive[i] & (~alive[i] + _ONE)
                out[start + i] += value[tree, np.uint32(lowest * _DE_BRUIJN) >> _SHIFT]
    return out
