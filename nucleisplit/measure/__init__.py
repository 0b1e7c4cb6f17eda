"""Measure the nuclei of a label image: shape, brightness, texture, neighbours; and cells."""

from .appearance import FEATURES, describe_nuclei
from .cells import Cells, Expansion, add_cell_micrometres, cell_columns, expand, measure_cells
from .columns import GROUPS, LENGTHS, Measures, in_order, type_of
from .micrometres import add_micrometres
from .neighbours import Touches, measure_neighbours
from .per_nucleus import add_neighbours, as_table, measure, measure_alone
from .regions import Regions

__all__ = [
    "FEATURES",
    "GROUPS",
    "LENGTHS",
    "Cells",
    "Expansion",
    "Measures",
    "Regions",
    "Touches",
    "add_cell_micrometres",
    "add_micrometres",
    "add_neighbours",
    "as_table",
    "cell_columns",
    "describe_nuclei",
    "expand",
    "in_order",
    "measure",
    "measure_alone",
    "measure_cells",
    "measure_neighbours",
    "type_of",
]
