"""What lies around every nucleus: which others it touches, how many are near, how far the next."""

from __future__ import annotations

import numba
import numpy as np

from .columns import NEIGHBOURS

__all__ = ["Touches", "measure_neighbours"]

_ROUNDING = 1 + 1e-9
"""Centres exactly as far apart as the radius are near, whatever the last digit says."""


class Touches:
    """Finds the nuclei that share a border, band by band of a label image, from top to bottom."""

    def __init__(self) -> None:
        self._pairs: list[np.ndarray] = []
        self._above: np.ndarray | None = None

    def add(self, band: np.ndarray) -> None:
        """Take the next (h, W) rows; 0 = background."""
        band = np.ascontiguousarray(band, np.int32)
        above = band[:1] if self._above is None else self._above
        self._pairs.append(np.unique(_pairs(band, above[0]), axis=0))
        self._above = band[-1:].copy()

    def pairs(self) -> np.ndarray:
        """Return the labels of all pairs of nuclei that share the edge of a pixel, (m, 2)."""
        return np.unique(np.concatenate(self._pairs), axis=0)


def measure_neighbours(
    ids: np.ndarray,
    pairs: np.ndarray,
    centres: np.ndarray,
    radius: float | None,
    pixel_size: tuple[float, float] | None = None,
) -> dict[str, np.ndarray]:
    """Return the columns of the group ``neighbours``.

    Parameters
    ----------
    ids : (n,) int ndarray
        Labels, ascending.
    pairs : (m, 2) int ndarray
        As of `Touches.pairs`.
    centres : (n, 2) float ndarray
        Row and column.
    radius : float or None
        Pixels; see `Measures.near`.
    pixel_size : (float, float), optional
        Height and width of a pixel, um: adds the distance in um.

    Returns
    -------
    dict
        Arrays by column; the distance is NaN for a nucleus that is alone.
    """
    from scipy.spatial import cKDTree

    n = len(ids)
    places = np.searchsorted(ids, pairs.ravel())
    columns = {NEIGHBOURS[0]: np.bincount(places, minlength=n)}
    near = np.zeros(n, np.int64)
    if n > 1 and radius is not None:
        reach = radius * _ROUNDING
        near = cKDTree(centres).query_ball_point(centres, reach, return_length=True) - 1
    columns[NEIGHBOURS[1]] = near
    columns[NEIGHBOURS[2]] = _distances(centres)
    if pixel_size is not None:
        columns[f"{NEIGHBOURS[2]}_um"] = _distances(centres * pixel_size)
    return columns


def _distances(centres: np.ndarray) -> np.ndarray:
    """Return the distance of each point to the next."""
    from scipy.spatial import cKDTree

    if len(centres) < 2:
        return np.full(len(centres), np.nan)
    return cKDTree(centres).query(centres, k=2)[0][:, 1]


@numba.njit(cache=True)
def _pairs(band, above):  # pragma: no cover - compiled
    """Return the labels on both sides of every edge between two nuclei, the smaller one first."""
    height, width = band.shape
    found = [(0, 0)]
    for y in range(height):
        for x in range(width):
            own = band[y, x]
            if own:
                left = band[y, x - 1] if x else 0
                over = band[y - 1, x] if y else above[x]
                if left and left != own:
                    found.append((min(left, own), max(left, own)))
                if over and over != own and over != left:
                    found.append((min(over, own), max(over, own)))
    pairs = np.empty((len(found) - 1, 2), np.int64)
    for i in range(1, len(found)):
        pairs[i - 1, 0], pairs[i - 1, 1] = found[i]
    return pairs
