"""Cut an image into tiles that overlap, so that no seam shows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Tile:
    """One piece of an image; every slice is rows, then columns."""

    outer: tuple[slice, slice]
    """What is computed: the piece and its halo."""
    inner: tuple[slice, slice]
    """What is kept of it; the inner parts of all tiles cover the image once."""

    @property
    def margin(self) -> tuple[slice, slice]:
        """Where the inner part lies in the outer one."""
        rows, columns = (
            slice(inner.start - outer.start, inner.stop - outer.start)
            for inner, outer in zip(self.inner, self.outer, strict=True)
        )
        return rows, columns


def list_tiles(shape: tuple[int, int], size: float, halo: float, grid: int) -> list[Tile]:
    """Cut an image into about even tiles with halos.

    Parameters
    ----------
    shape : tuple of int
        Height and width; an axis longer than `size` must be a multiple of `grid`.
    size : float
        Largest side of a tile, its halo included; exceeded by less than `grid`.
    halo : float
        Least margin of a tile, except at the edges of the image.
    grid : int
        Tiles begin and end at multiples of it: a network with strides, or a change of scale, would
        sample a tile off that grid at other positions, and show at its seams.

    Returns
    -------
    list of Tile
        Row by row.

    Examples
    --------
    >>> [tile.outer[1] for tile in list_tiles((4, 16), size=12, halo=2, grid=2)]
    [slice(0, 10, None), slice(6, 16, None)]
    """
    rows, columns = (_spans(length, size, halo, grid) for length in shape)
    return [
        Tile((outer_row, outer_column), (inner_row, inner_column))
        for outer_row, inner_row in rows
        for outer_column, inner_column in columns
    ]


def _spans(length: int, size: float, halo: float, grid: int) -> list[tuple[slice, slice]]:
    """Cut one axis into (outer, inner) pieces."""
    if length <= size:
        return [(slice(0, length), slice(0, length))]
    halo = int(-(-halo // grid)) * grid
    count = int(-(-length // max(grid, size - 2 * halo)))
    edges = [round(index * length / grid / count) * grid for index in range(count + 1)]
    return [
        (slice(max(0, start - halo), min(length, stop + halo)), slice(start, stop))
        for start, stop in pairwise(edges)
        if start < stop
    ]
