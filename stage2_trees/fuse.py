"""Several opinions on one image made one: of the maps before the cut, or of the nuclei after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from stage2_trees.maps import check_maps
from stage2_trees.overlap import overlap_table


def fuse_maps(maps: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """Weighted mean of the maps that several networks or views give of one image.

    Parameters
    ----------
    maps : sequence of (3, H, W) floating
        At least one; all of one shape.
    weights : sequence of float, optional
        One for each, not negative, not all 0; equal by default.

    Returns
    -------
    (3, H, W) float32

    Raises
    ------
    ValueError
        If the maps are malformed, differ in shape, or do not fit the weights.

    Examples
    --------
    >>> fuse_maps([np.zeros((3, 1, 1)), np.ones((3, 1, 1))], [3, 1])[0].tolist()
    [[0.25]]
    """
    maps = [check_maps(part) for part in maps]
    weights = np.ones(len(maps)) if weights is None else np.asarray(weights, float)
    shapes = sorted({part.shape for part in maps})
    if len(shapes) != 1:
        raise ValueError(f"the maps to fuse must have one shape, got {shapes}")
    if weights.shape != (len(maps),) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise ValueError(
            f"{len(maps)} maps need as many weights, none below 0 and not all 0, "
            f"got {weights.tolist()}"
        )
    out = np.zeros(shapes[0], np.float32)
    for part, share in zip(maps, weights / weights.sum(), strict=True):
        out += np.float32(share) * part
    return out


def fuse_labels(
    labels: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    *,
    max_iou: float = 0.5,
    max_covered: float = 0.5,
    min_votes: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Non-maximum suppression of the nuclei that several forests kept of one image.

    The nuclei of all label images compete, best score first: one is kept unless it says the same
    as a better one, or lies under better ones for the most part.

    Parameters
    ----------
    labels : sequence of (H, W) integer
        At least one label image, 0 = background.
    scores : sequence of (n_i,) floating
        Score of label j + 1 of each image, such as its predicted IoU.
    max_iou : float
        A nucleus with a higher IoU with a better one is dropped.
    max_covered : float
        A nucleus of which better ones cover a greater share is dropped.
    min_votes : int
        Nuclei found in fewer of the images are dropped; found means an IoU above ``max_iou``.

    Returns
    -------
    labels : (H, W) int32
        1..n in raster order of their first pixels; shared pixels are given to the better one.
    scores : (n,) float32

    Raises
    ------
    ValueError
        If shapes differ, a label has no score, a score is not finite or a limit is out of range.

    Examples
    --------
    >>> whole, halves = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])
    >>> fuse_labels([whole, halves], [[0.6], [0.9, 0.7]])
    (array([[1, 1, 2, 2]], dtype=int32), array([0.9, 0.7], dtype=float32))
    """
    labels = [np.asarray(image) for image in labels]
    scores = [np.asarray(part, np.float32).reshape(-1) for part in scores]
    _check(labels, scores, max_iou, max_covered, min_votes)
    labels = [image.astype(np.int32) for image in labels]
    first = np.cumsum([0] + [part.size for part in scores])
    score = np.concatenate(scores)
    area = np.concatenate(
        [
            np.bincount(a.ravel(), minlength=n.size + 1)[1:]
            for a, n in zip(labels, scores, strict=True)
        ]
    )
    pairs = [np.zeros((3, 0))]
    for i, a in enumerate(labels):
        for j, b in enumerate(labels[:i]):
            table = overlap_table(a, b)
            one, two = first[i] + table.a_ids - 1, first[j] + table.b_ids - 1
            pairs += [np.stack([one, two, table.intersection])]
            pairs += [np.stack([two, one, table.intersection])]
    one, two, shared = np.concatenate(pairs, axis=1).astype(np.int64)
    by_one = np.argsort(one, kind="stable")
    two, shared = two[by_one], shared[by_one]
    start = np.searchsorted(one[by_one], np.arange(score.size + 1))
    order = np.argsort(-score, kind="stable")
    keep = _suppress(order, start, two, shared, area, max_iou, max_covered, min_votes)
    # Rank of each kept nucleus, the best highest; 0 for the background and what is dropped.
    kept = order[keep[order]]
    rank = np.zeros(score.size, np.int32)
    rank[kept] = np.arange(kept.size, 0, -1)
    out = np.zeros(labels[0].shape, np.int32)
    for i, image in enumerate(labels):
        np.maximum(out, np.append(np.int32(0), rank[first[i] : first[i + 1]])[image], out=out)
    seen = np.full(kept.size + 1, out.size)
    seen[out.ravel()[::-1]] = np.arange(out.size)[::-1]
    ranks = np.argsort(seen[1:], kind="stable")[: np.count_nonzero(seen[1:] < out.size)] + 1
    new = np.zeros(kept.size + 1, np.int32)
    new[ranks] = np.arange(1, ranks.size + 1)
    return new[out], score[kept[kept.size - ranks]]


def _check(labels, scores, max_iou, max_covered, min_votes):
    if not labels or len(labels) != len(scores):
        raise ValueError(
            f"{len(labels)} label images need as many arrays of scores, got {len(scores)}; "
            "give at least one"
        )
    for image, part in zip(labels, scores, strict=True):
        if image.shape != labels[0].shape or image.dtype.kind not in "iub":
            raise ValueError(
                f"the label images must hold integers and have shape {labels[0].shape}, "
                f"got {image.dtype} {image.shape}"
            )
        if image.size and not 0 <= image.min() <= image.max() <= part.size:
            raise ValueError(
                f"labels run from {image.min()} to {image.max()}, with {part.size} scores"
            )
        if not np.isfinite(part).all():
            raise ValueError("scores hold NaN or infinite values")
    if not (0 <= max_iou <= 1 and 0 <= max_covered <= 1 and 1 <= min_votes <= len(labels)):
        raise ValueError(
            "max_iou and max_covered must lie in [0, 1] and min_votes between 1 and "
            f"{len(labels)}, got {max_iou}, {max_covered}, {min_votes}"
        )


@njit(cache=True)
def _suppress(order, start, other, shared, area, max_iou, max_covered, min_votes):
    """Walk from the best to the worst; each looks at those it shares pixels with."""
    keep = np.zeros(area.size, np.bool_)
    for i in order:
        covered, votes, same = 0, 1, False
        for pair in range(start[i], start[i + 1]):
            j = other[pair]
            union = area[i] + area[j] - shared[pair]
            alike = shared[pair] > max_iou * union
            votes += alike
            if keep[j]:
                same |= alike
                covered += shared[pair]
        keep[i] = area[i] > 0 and not same and votes >= min_votes
        keep[i] &= covered <= max_covered * area[i]
    return keep
