"""The maps of one image while they are computed at one scale, tile by tile."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .size import piece_areas, resize, resize_maps, typical_radius
from .tiles import list_tiles

_GOLDEN = (5**0.5 - 1) / 2


class Canvas:
    """What is computed of an image so far, and what comes next.

    The network sees the image enlarged by `scale`, but never all of it at once: each tile is
    enlarged, predicted and brought back by itself.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), float32
    scale : Fraction
    tile, halo : int
        As in `PredictConfig`: pixels that the network sees.
    stride : int
        Of the network.

    Attributes
    ----------
    maps : ndarray, shape (3, H', W'), float32
        On the pixels of the image, which was made a little larger to end on the grid of the tiles.
    tiles : list of Tile
        In an order in which the first few already lie all over the image.
    done : int
        How many of them are computed.
    areas : list of ndarray
        Of each of them, see `piece_areas`, in pixels that the network saw.
    """

    def __init__(
        self, image: np.ndarray, scale: Fraction, tile: int, halo: int, stride: int
    ) -> None:
        self.scale = scale
        size, overlap = float(tile / scale), float(halo / scale)
        # the smallest number of pixels that the scale turns into a multiple of the stride
        grid = (stride / scale).numerator
        padding = [(0, -length % grid if length > size else 0) for length in image.shape[:2]]
        padded = any(after for _, after in padding)
        self.image = np.pad(image, (*padding, (0, 0)), mode="symmetric") if padded else image
        self.maps = np.empty((3, *self.image.shape[:2]), np.float32)
        tiles = list_tiles(self.image.shape[:2], size, overlap, grid)
        self.tiles = [tiles[i] for i in sorted(range(len(tiles)), key=lambda i: i * _GOLDEN % 1)]
        self.done = 0
        self.areas: list[np.ndarray] = []

    @property
    def radius(self) -> float | None:
        """Typical radius of the nuclei so far, in pixels that the network saw."""
        return typical_radius(np.concatenate(self.areas)) if self.areas else None

    def next_tile(self) -> np.ndarray:
        """Return the image of the next tile, (h, w, 3), at the scale of the network."""
        tile = self.image[self.tiles[self.done].outer]
        return resize(tile, [max(1, round(length * self.scale)) for length in tile.shape[:2]])

    def add(self, maps: np.ndarray) -> None:
        """Take the maps of that tile, (3, h, w), at the scale of the network."""
        tile = self.tiles[self.done]
        self.areas.append(piece_areas(maps))
        maps = resize_maps(maps, [outer.stop - outer.start for outer in tile.outer])
        self.maps[(slice(None), *tile.inner)] = maps[(slice(None), *tile.margin)]
        self.done += 1
