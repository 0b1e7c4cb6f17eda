"""Nuclei grown into cells, and what is measured of these and of the cytoplasm within them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.errors import ConfigError

from .columns import CYTOPLASM, INTENSITY, LENGTHS, Measures, in_order, type_of
from .micrometres import add_micrometres
from .per_nucleus import measure_alone

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Cells",
    "Expansion",
    "add_cell_micrometres",
    "cell_columns",
    "expand",
    "measure_cells",
]

_MOST = 1000
"""Pixels by which nuclei are grown at most; no cell is larger."""
_UNITS = {"": "px", "px": "px", "um": "um", "µm": "um", "μm": "um"}
_NUCLEAR = ("predicted_iou", "threshold")
"""What the table of nuclei says already."""


@dataclass(frozen=True)
class Expansion:
    """How far nuclei are grown.

    Raises
    ------
    ConfigError
        The length is not positive.

    Examples
    --------
    >>> Expansion.of("5um"), Expansion.of(10)
    (Expansion(length=5.0, unit='um'), Expansion(length=10.0, unit='px'))
    """

    length: float
    unit: str = "px"
    """``px`` or ``um``."""

    def __post_init__(self) -> None:
        if not 0 < self.length < math.inf:
            raise ConfigError(f"the expansion is {self}", "give more than 0, such as 10 or 5um")

    def __str__(self) -> str:
        return f"{self.length:g}{self.unit}"

    @classmethod
    def of(cls, given: str | float | Expansion) -> Expansion:
        """Read a number of pixels, or a text with a unit: ``10``, ``"10px"``, ``"5um"``."""
        if isinstance(given, Expansion):
            return given
        match = re.fullmatch(r"\s*([0-9.eE+-]+)\s*(px|[uµμ]m|)\s*", str(given))
        try:
            if match is None:
                raise ValueError
            return cls(float(match[1]), _UNITS[match[2]])
        except ValueError:
            raise ConfigError(
                f"the expansion is {given!r}", "give pixels or micrometres, such as 10 or 5um"
            ) from None

    def spacing(self, pixel_size: tuple[float, float] | None) -> tuple[float, float]:
        """Height and width of a pixel in the unit of the length.

        Raises
        ------
        ConfigError
            The length is in micrometres and the size of a pixel is not known, or it is more than
            1,000 pixels.
        """
        if self.unit == "um" and pixel_size is None:
            raise ConfigError(
                f"nuclei cannot be grown by {self}: the size of a pixel is not known",
                "give the expansion in pixels, such as 10",
            )
        spacing = (1.0, 1.0) if self.unit == "px" or pixel_size is None else pixel_size
        if self.length / min(spacing) > _MOST:
            raise ConfigError(
                f"the expansion is {self}, more than {_MOST} pixels", "give a smaller one"
            )
        return spacing

    def margin(self, pixel_size: tuple[float, float] | None) -> tuple[int, int]:
        """Rows and columns around a pixel that decide to which cell it belongs."""
        down, across = self.spacing(pixel_size)
        return math.ceil(self.length / down), math.ceil(self.length / across)


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one image, each around its nucleus."""

    labels: np.ndarray
    """(H, W) integers: every cell has the number of its nucleus."""
    table: pd.DataFrame
    """One row per cell, see `measure_cells`."""


def expand(
    labels: np.ndarray,
    expansion: Expansion,
    pixel_size: tuple[float, float] | None = None,
) -> np.ndarray:
    """Grow nuclei into cells that do not overlap.

    A pixel of the background belongs to the nucleus with the closest pixel, if that is no farther
    than the expansion, centre to centre. Of several that are equally close it is one of them,
    always the same, whatever else is in the image.

    Parameters
    ----------
    labels : (H, W) integer ndarray
        0 = background.
    expansion : Expansion
    pixel_size : (float, float), optional
        Height and width of a pixel, um.

    Returns
    -------
    (H, W) ndarray
        Of the same type; the nuclei stay as they are.

    Raises
    ------
    ConfigError
        See `Expansion.spacing`.

    Examples
    --------
    >>> expand(np.array([[0, 0, 4, 0, 0, 0, 9]]), Expansion(1)).tolist()
    [[0, 4, 4, 4, 0, 9, 9]]
    """
    from skimage.segmentation import expand_labels

    return expand_labels(labels, expansion.length, expansion.spacing(pixel_size))


def measure_cells(
    cells: np.ndarray,
    nuclei: np.ndarray,
    image: np.ndarray,
    measures: Measures | None = None,
    *,
    channels: np.ndarray | None = None,
    pixel_size: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Measure every cell, and its cytoplasm: the pixels of the cell outside its nucleus.

    Parameters
    ----------
    cells, nuclei : (H, W) integer ndarray
        A cell has the number of its nucleus.
    image, channels, pixel_size
        As of `measure`.
    measures : Measures, optional
        Intensities are measured where it names them; the other groups are of nuclei alone.

    Returns
    -------
    DataFrame
        One row per cell, by ascending label: place, ``area``, ``touches_edge`` and intensities as
        of a nucleus, ``cytoplasm_area`` and the same intensities of the cytoplasm, such as
        ``cytoplasm_intensity_mean``: NaN for a cell that has none.

    Examples
    --------
    >>> nuclei, cells = np.array([[0, 3, 0]]), np.array([[3, 3, 3]])
    >>> table = measure_cells(cells, nuclei, np.array([[1, 50, 3]]))
    >>> table.loc[0, ["area", "cytoplasm_area", "cytoplasm_intensity_mean"]].tolist()
    [3.0, 2.0, 2.0]
    """
    wanted = {"intensity"} & set((measures or Measures()).groups)
    measured = Measures(tuple(wanted), channels=(measures or Measures()).channels)
    given = None, None, measured
    table = measure_alone(cells, image, *given, channels=channels).drop(columns=[*_NUCLEAR])
    ring = np.where(nuclei == 0, cells, 0)
    around = measure_alone(ring, image, *given, channels=channels).set_index("label")
    around = around.reindex(table["label"])
    around["area"] = around["area"].fillna(0)
    for name in around:
        if name == "area" or name.startswith(INTENSITY):
            whose = CYTOPLASM + str(name)
            table[whose] = around[name].to_numpy().astype(type_of(whose))
    if pixel_size is not None:
        add_cell_micrometres(table, pixel_size)
    return table[in_order(table)]


def cell_columns(measures: Measures) -> list[str]:
    """Return the columns of the table of cells of a gray image without a pixel size, in order."""
    nothing = np.zeros((1, 1), np.uint8)
    return list(measure_cells(nothing, nothing, nothing, measures))


def add_cell_micrometres(table: pd.DataFrame, pixel_size: tuple[float, float]) -> None:
    """Add columns in micrometres to a table of cells, in place."""
    add_micrometres(table, pixel_size)
    table[CYTOPLASM + LENGTHS["area"]] = table[CYTOPLASM + "area"] * math.prod(pixel_size)
