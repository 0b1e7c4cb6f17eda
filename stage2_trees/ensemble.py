"""Boosted trees, read from LightGBM's text and evaluated here: many times as fast.

LightGBM fits the trees and writes them; to use them its library is not needed. A tree is not
descended: each of its splits crosses out the leaves that a row cannot reach any more, one bit a
leaf, and the first leaf left is the row's (QuickScorer: Lucchese et al. 2015, "QuickScorer: a fast
algorithm to rank documents with additive ensembles of regression trees"). So all rows of a block do
the same at every split, which the vector units of the processor do for many rows at once.
"""

from __future__ import annotations

import re
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

_DEFAULT_LEFT, _MISSING, _NAN = 2, 12, 8
"""Bits of LightGBM's decision types; `_NAN` is the value of the `_MISSING` bits for NaN."""
_KINDS = (0, _DEFAULT_LEFT, _NAN, _NAN | _DEFAULT_LEFT)
"""The decision types of our trees: by a threshold, with NaN known in training or not."""

_HEADER = {
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "objective": "regression",
}
_FIELDS = {
    "num_leaves": int,
    "num_cat": int,
    "split_feature": int,
    "split_gain": float,
    "threshold": float,
    "decision_type": int,
    "left_child": int,
    "right_child": int,
    "leaf_value": float,
    "leaf_weight": float,
    "leaf_count": int,
    "internal_value": float,
    "internal_weight": float,
    "internal_count": int,
    "is_linear": int,
    "shrinkage": float,
}
"""What LightGBM writes of a tree; some of it is only for LightGBM."""
_SINGLE = ("num_leaves", "num_cat", "is_linear", "shrinkage")
_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
"""The fields with one number, and with one for each leaf; the others have one for each split."""
_PLAIN = re.compile(r"[-+.0-9einf ]*")
_INT32, _FLOAT64 = np.iinfo(np.int32).max, np.finfo(float).max


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
            categorical splits, linear leaves, several outputs, links that form no tree,
            numbers out of range, or too many or too few of them.
        """
        trees = _read_trees(_parse(text)[1])
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


def plain_text(text: str) -> str:
    """Write LightGBM's text anew, the trees alone, for LightGBM: it does not check what it reads.

    Raises
    ------
    ValueError
        As `TreeEnsemble.from_text`.
    """
    header, trees = _parse(text)
    _read_trees(trees)
    blocks = []
    for number, fields in enumerate(trees):
        lines = [f"{name}={' '.join(fields[name].split())}" for name in _FIELDS]
        blocks.append("\n".join([f"Tree={number}", *lines, "\n\n"]))
    header["tree_sizes"] = " ".join(str(len(block)) for block in blocks)
    head = [f"{name}={value}" for name, value in header.items()]
    return "\n".join(["tree", "version=v4", *head, "\n"]) + "".join(blocks) + "end of trees\n\n"


def _parse(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Split into the fields of the header and those of every tree."""
    body, end, _ = text.partition("\nend of trees")
    parts = body.split("\nTree=")
    lines = parts[0].splitlines()
    if not end or lines[:1] != ["tree"] or not body.isascii():
        raise ValueError("not a whole LightGBM model")
    if any("=" not in line for line in lines[1:] if line):
        raise ValueError("the outputs of the trees are not added")  # but, say, averaged
    header, *trees = (
        dict(line.split("=", 1) for line in part.splitlines() if "=" in line) for part in parts
    )
    columns = int(_numbers([header], "max_feature_idx", [1])[0][0]) + 1
    for name in ("feature_names", "feature_infos"):
        if len(header.get(name, "").split()) != columns:
            raise ValueError(f"the header holds {name} for other than {columns} columns")
    if any(header.get(name, wanted) != wanted for name, wanted in _HEADER.items()):
        raise ValueError(f"the model is another one than {_HEADER}: several outputs, maybe")
    if any(feature.max(initial=0) >= columns for feature in _numbers(trees, "split_feature")):
        raise ValueError(f"a tree looks at more than {columns} columns")
    names = ("max_feature_idx", "feature_names", "feature_infos")
    return _HEADER | {name: header[name] for name in names}, trees


def _numbers(
    parts: list[dict[str, str]], name: str, sizes: list[int] | None = None
) -> list[np.ndarray]:
    """Read a field of every part: integers of at most 32 bits, or finite numbers.

    A threshold may be infinite: such a split tells NaN from all else. All parts are read at once,
    for speed: this is a part of every start.
    """
    kind = _FIELDS.get(name, int)
    if any(name not in fields for fields in parts):
        raise ValueError(f"a tree or the header lacks {name!r}")
    words = [fields[name].split() for fields in parts]
    try:
        if not all(_PLAIN.fullmatch(fields[name]) for fields in parts):
            raise ValueError
        values: np.ndarray = np.array([word for own in words for word in own], kind)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} holds something else than numbers") from None
    for own, size in zip(words, sizes or map(len, words), strict=True):
        if len(own) != size:
            raise ValueError(f"{name} holds {len(own)} numbers, not {size}")
    most = _INT32 if kind is int else np.inf if name == "threshold" else _FLOAT64
    if not (np.abs(values) <= most).all():
        raise ValueError(f"{name} holds a number that is too large")
    return np.split(values, np.cumsum([len(own) for own in words])[:-1])


def _read_trees(trees: list[dict[str, str]]) -> list[tuple[np.ndarray, ...]]:
    """Check all that is said of the trees, and make each ready, see `_arrange`."""
    if not trees:
        return []
    ones = [1] * len(trees)
    leaves = np.concatenate(_numbers(trees, "num_leaves", ones)).tolist()
    if odd := [n for n in leaves if not 1 <= n <= MAX_LEAVES]:
        raise ValueError(f"a tree has {odd[0]} leaves, 1 to {MAX_LEAVES} are supported")
    if any(map(np.any, _numbers(trees, "is_linear", ones))):
        raise ValueError("the leaves of a tree are not single numbers")
    splits = [n - 1 for n in leaves]
    sizes = dict.fromkeys(_FIELDS, splits) | dict.fromkeys(_SINGLE, ones)
    sizes |= dict.fromkeys(_LEAVES, leaves)
    sizes["leaf_weight"] = [  # of a single leaf LightGBM writes none
        n if n > 1 else len(fields.get("leaf_weight", "").split())
        for n, fields in zip(leaves, trees, strict=True)
    ]
    found = {name: _numbers(trees, name, own) for name, own in sizes.items()}
    for name in ("split_feature", "internal_count", "leaf_count"):
        if np.concatenate(found[name]).min(initial=0) < 0:
            raise ValueError("a tree holds a negative column or count")
    kinds = {*np.concatenate(found["decision_type"]).tolist()}
    if not kinds <= {*_KINDS} or np.any(found["num_cat"]):
        raise ValueError("a tree has categorical splits, or takes zeros for missing")
    used = ("split_feature", "decision_type", "threshold", "left_child", "right_child")
    return [_arrange(*tree) for tree in zip(*map(found.get, (*used, "leaf_value")), strict=True)]


def _arrange(
    feature: np.ndarray,
    kind: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    value: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Give columns, thresholds, where NaN goes and leaves kept of the splits; and leaf values."""
    if value.size == 1:
        none = np.zeros(0, int)
        return none, none, none, none, np.full(MAX_LEAVES, value[0])
    # LightGBM takes NaN for 0 at a split that has not met it in training.
    nan_left = np.where(kind & _MISSING == _NAN, kind & _DEFAULT_LEFT > 0, threshold >= 0)
    order, keep = _order_leaves(left.tolist(), right.tolist())
    slots = np.zeros(MAX_LEAVES)
    bits = _ONE << np.arange(value.size, dtype=np.uint32)
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
