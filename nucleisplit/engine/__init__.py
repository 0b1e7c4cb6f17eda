"""Images of any size: cut into tiles, computed one by one, put together without seams."""

from .large import LargeResult, is_large, segment_large
from .spool import Spool

__all__ = ["LargeResult", "Spool", "is_large", "segment_large"]
