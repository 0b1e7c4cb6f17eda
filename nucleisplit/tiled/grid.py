"""Cut a large image into tiles, each with a halo."""

from __future__ import annotations

from nucleisplit.model import Ensemble
from nucleisplit.tiled.survey import Survey
from stage1_unet import Tile, list_tiles

__all__ = ["plan_tiles"]

_HALO_RADII = 8.0
"""A nucleus is judged by its surroundings up to six typical radii from its centre; it and those
around it have to be whole."""


def plan_tiles(shape: tuple[int, int], ensemble: Ensemble, survey: Survey) -> list[list[Tile]]:
    """Cut an image into tiles.

    Parameters
    ----------
    shape
        Height and width.
    ensemble
        Its tile and halo are those of the network that allows the smallest, in pixels that it
        sees: a tile never has more than that many pixels, of the image or enlarged.
    survey

    Returns
    -------
    list of lists of Tile
        Rows of tiles. Every tile begins and ends on the grid of the networks, so that those at
        the right and at the bottom may reach beyond the image.
    """
    grid = ensemble.grid(survey.scalings)
    scale = max(float(scaling.scale) for scaling in survey.scalings)
    size = ensemble.tile / max(1.0, scale)
    radius = max(survey.radius or 0, survey.overview.radius or 0)
    halo = max(ensemble.halo / scale, _HALO_RADII * radius)
    size = max(size - grid, 3 * halo)  # `list_tiles` exceeds it by less than the grid
    height, width = (length + (-length % grid if length > size else 0) for length in shape)
    tiles = list_tiles((height, width), size, halo, grid)
    rows: dict[int, list[Tile]] = {}
    for tile in tiles:
        rows.setdefault(tile.inner[0].start, []).append(tile)
    return list(rows.values())
