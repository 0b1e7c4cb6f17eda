"""Stacks of slices: maps of planes in three directions, volumes, what is measured of them."""

from .maps import StackMaps, map_stack
from .measure import VOLUME_COLUMNS, VOLUME_TYPES, measure_volumes
from .segment import METHODS, StackSegmentation, check_cut, segment_stack

__all__ = [
    "METHODS",
    "VOLUME_COLUMNS",
    "VOLUME_TYPES",
    "StackMaps",
    "StackSegmentation",
    "check_cut",
    "map_stack",
    "measure_volumes",
    "segment_stack",
]
