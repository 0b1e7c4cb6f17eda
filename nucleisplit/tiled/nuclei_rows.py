"""The table of a large image, kept until all its nuclei are known: a neighbour may come later."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from nucleisplit.classify import name_classes
from nucleisplit.measure import (
    Measures,
    Touches,
    add_micrometres,
    as_table,
    in_order,
    measure_neighbours,
)
from nucleisplit.tables import csv_rows

__all__ = ["Rows"]


class Rows:
    """Collects rows and labels from top to bottom, and writes the table; a context manager.

    Rows wait in a file without a name; of each nucleus, its centre and area are kept in memory.

    Parameters
    ----------
    folder
        Where the file is.
    measures
        What is measured.
    pixel_size
        Height and width of a pixel, um, where it is known.
    classes
        Names of the classes by number, where the rows have them.
    """

    def __init__(
        self,
        folder: Path,
        measures: Measures,
        pixel_size: tuple[float, float] | None,
        classes: tuple[str, ...] = (),
    ) -> None:
        self.measures, self.pixel_size, self.classes = measures, pixel_size, classes
        self.class_counts = dict.fromkeys(classes, 0)
        """Nuclei of each class, once the table is written."""
        self.columns: list[str] = []
        """Those of the table, once it is written."""
        self._file = tempfile.TemporaryFile(dir=folder)
        self._names: list[str] = []
        self._centres: list[np.ndarray] = []
        self._areas: list[np.ndarray] = []
        self._touches = Touches()

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, table: pd.DataFrame) -> None:
        """Take the next rows, as `measure_alone` returns them; labels go on counting from 1."""
        self._names = list(table)
        self._centres.append(table[["centroid-0", "centroid-1"]].to_numpy())
        self._areas.append(table["area"].to_numpy())
        np.save(self._file, table.to_numpy(np.float64))

    def add_band(self, band: np.ndarray) -> None:
        """Take the next rows of the label image."""
        if "neighbours" in self.measures:
            self._touches.add(band)

    @property
    def radius(self) -> float | None:
        """Within which nuclei are near; None where that is not measured, or there are none."""
        areas = np.concatenate(self._areas)
        return self.measures.near(areas) if "neighbours" in self.measures else None

    def write(self, file: TextIO, name: str) -> None:
        """Write the table of an image of that name as CSV."""
        around = self._neighbours()
        first = 0
        for table in self._tables():
            part = slice(first, first + len(table))
            table = table.assign(**{column: values[part] for column, values in around.items()})
            if self.pixel_size is not None:
                add_micrometres(table, self.pixel_size)
            if self.classes:
                table = name_classes(table, self.classes)
                for one, count in table["class"].value_counts().items():
                    self.class_counts[one] += count
            table = table[in_order(table)]
            table.insert(0, "image", name)
            if not self.columns:
                self.columns = list(table)
                file.write(",".join(self.columns) + "\n")
            file.write(csv_rows(table))
            first = part.stop

    def _neighbours(self) -> dict[str, np.ndarray]:
        if "neighbours" not in self.measures:
            return {}
        centres = np.concatenate(self._centres)
        ids = np.arange(1, len(centres) + 1)
        return measure_neighbours(ids, self._touches.pairs(), centres, self.radius, self.pixel_size)

    def _tables(self) -> Iterator[pd.DataFrame]:
        self._file.seek(0)
        for _ in self._areas:
            values = np.load(self._file, allow_pickle=False)
            yield as_table(dict(zip(self._names, values.T, strict=True)))
