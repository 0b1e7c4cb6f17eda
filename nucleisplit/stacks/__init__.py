"""Stacks of slices: maps of planes in three directions, volumes, what is measured of them."""

from .segment import METHODS, StackSegmentation, check_cut, segment_stack
from .stack_maps import StackMaps, map_stack
from .volume_table import VOLUME_COLUMNS, VOLUME_TYPES, measure_volumes

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
