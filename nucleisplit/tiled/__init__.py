"""Images of any size: cut into tiles, computed one by one, put together without seams."""

from .cells import expand_large
from .cluster import Cluster, Recipe
from .large import Compute, LargeResult, is_large, segment_large
from .tile_store import TileStore

__all__ = [
    "Cluster",
    "Compute",
    "LargeResult",
    "Recipe",
    "TileStore",
    "expand_large",
    "is_large",
    "segment_large",
]
