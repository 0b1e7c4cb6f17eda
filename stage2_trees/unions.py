"""The lowest union that holds two given leaves, in constant time."""

from __future__ import annotations

import numpy as np
from numba import njit

FAR = 2**30
"""Beyond every node."""


@njit(cache=True)
def gap_table(first, last, left, n_leaves):
    """Sparse table of the unions that close the gap before each leaf, for range maxima.

    A union with parts [first, middle) and [middle, last) closes the gap before ``middle``; the
    lowest common union of leaves a < b is the one made last among the gaps a+1..b. Gaps between
    two trees hold a number beyond all nodes.
    """
    rows = 1
    while (1 << rows) <= n_leaves:
        rows += 1
    table = np.full((rows, n_leaves), FAR, np.int32)
    for node in range(n_leaves, first.size):
        table[0, last[left[node]]] = node
    for row in range(1, rows):
        half = 1 << (row - 1)
        for i in range(n_leaves - 2 * half + 1):
            table[row, i] = max(table[row - 1, i], table[row - 1, i + half])
    return table


@njit(cache=True)
def common_union(table, a, b):
    """Lowest union that holds two different leaves, -1 if there is none."""
    if a > b:
        a, b = b, a
    row, span = 0, b - a
    while (2 << row) <= span:
        row += 1
    node = max(table[row, a + 1], table[row, b - (1 << row) + 1])
    return -1 if node == FAR else node
