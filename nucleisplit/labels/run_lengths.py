"""Run lengths down the columns of a label image: the form of the competition and of COCO."""

from __future__ import annotations

import numpy as np

__all__ = ["encode_run_lengths"]


def encode_run_lengths(
    labels: np.ndarray, top: int = 0, height: int | None = None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the labels that occur and, of each, its runs in column-major order.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background.
    top, height : int
        Row of the image at which the array begins, and the rows of the image; by default the array
        is the image.

    Returns
    -------
    numbers : (n,) ndarray
        Ascending.
    runs : list of (k, 2) int64 ndarray
        Start (from 0) and length of every run, ascending.

    Examples
    --------
    >>> numbers, runs = encode_run_lengths(np.array([[0, 5], [5, 5]]))
    >>> numbers.tolist(), runs[0].tolist()
    ([5], [[1, 3]])
    """
    is_part = height is not None and height != len(labels)
    if is_part:
        labels = np.pad(labels, ((0, 1), (0, 0)))  # no run goes on in the next column
    flat = labels.ravel(order="F")
    starts = np.flatnonzero(np.diff(flat, prepend=0))
    lengths = np.diff(starts, append=flat.size)
    owners = flat[starts]
    keep = owners > 0
    if is_part:
        columns, rows = np.divmod(starts, len(labels))
        starts = columns * height + rows + top
    order = np.argsort(owners[keep], kind="stable")
    runs = np.stack([starts[keep], lengths[keep]], axis=1)[order]
    numbers, first = np.unique(owners[keep][order], return_index=True)
    return numbers, np.split(runs, first[1:]) if numbers.size else []
