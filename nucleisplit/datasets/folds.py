"""Deal images into folds: groups stay together, kinds and sizes are balanced."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from nucleisplit.errors import DatasetError

__all__ = ["make_folds", "share_out"]


def make_folds(
    groups: Sequence[str],
    kinds: Sequence[str] | None = None,
    folds: int = 4,
    seed: int = 0,
) -> list[int]:
    """Assign a fold to every image.

    Groups are dealt out greedily, the largest first and equal ones in an order drawn from the
    seed: each goes where its most frequent kind is rarest, and of those to the smallest fold.
    The draw is a hash of seed and name, so the result is the same on every machine and version.

    Parameters
    ----------
    groups : sequence of str, one per image
        Images of one group are never parted.
    kinds : sequence of str, optional
        Kinds of image to spread evenly over the folds.
    folds : int
        Number of folds, at least 2.
    seed : int

    Returns
    -------
    list of int
        0..folds - 1, one per image.

    Raises
    ------
    DatasetError
        Fewer than 2 folds, or fewer groups than folds.

    Examples
    --------
    >>> make_folds(["a", "a", "b", "c"], folds=2)[:2] in ([0, 0], [1, 1])
    True
    """
    kinds = kinds if kinds is not None else [""] * len(groups)
    members: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(groups):
        members[name].append(index)
    if folds < 2:
        raise DatasetError(f"{folds} folds are too few for cross-validation", "use at least 2")
    if len(members) < folds:
        raise DatasetError(
            f"{len(groups)} images in {len(members)} groups do not fill {folds} folds",
            "use fewer folds or add images",
        )
    sizes = [0] * folds
    of_kind: list[Counter[str]] = [Counter() for _ in range(folds)]
    result = [0] * len(groups)
    ordered = sorted(members, key=lambda name: (-len(members[name]), _draw(seed, name)))
    for name in ordered:
        content = Counter(kinds[i] for i in members[name])
        main = min(content, key=lambda c: (-content[c], c))
        target = min(range(folds), key=lambda f: (of_kind[f][main], sizes[f], f))
        if empty := [f for f in range(folds) if sizes[f] == 0]:
            target = empty[0]
        sizes[target] += len(members[name])
        of_kind[target].update(content)
        for index in members[name]:
            result[index] = target
    return result


def share_out(sizes: Mapping[str, int], folds: Sequence[int]) -> dict[str, int]:
    """Assign a fold to every name, so that the sums of the sizes are about the same.

    The largest goes first, each to the fold with the smallest sum so far; of equals the first by
    name, and to the lowest fold.

    Examples
    --------
    >>> share_out({"a": 3, "b": 9, "c": 5}, [0, 1])
    {'b': 0, 'c': 1, 'a': 1}
    """
    sums = dict.fromkeys(folds, 0)
    result = {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        result[name] = min(sums, key=lambda fold: (sums[fold], fold))
        sums[result[name]] += sizes[name]
    return result


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()
