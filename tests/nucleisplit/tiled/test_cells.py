"""Cells of a label image in a file are those of the whole, across bands and blocks."""

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucleisplit.images import open_image
from nucleisplit.labels import read_labels, stream_label_file, write_label_bands
from nucleisplit.measure import Expansion, Measures, expand, measure_cells
from nucleisplit.tiled import cells as tiled_cells
from nucleisplit.tiled import expand_large


def draw(shape, count):
    """Squares of three to nine pixels that do not overlap, numbered 1 to n from the top."""
    rng = np.random.default_rng(0)
    labels = np.zeros(shape, np.uint32)
    number = 0
    for top in np.sort(rng.integers(0, shape[0] - 9, count)):
        left, side = rng.integers(0, shape[1] - 9), rng.integers(3, 10)
        square = labels[top : top + side, left : left + side]
        if not square.any():
            number += 1
            square[...] = number
    return labels, number


@pytest.mark.parametrize("count", [0, 400])
def test_bands_and_blocks_leave_no_trace(tmp_path, monkeypatch, count):
    monkeypatch.setattr(tiled_cells, "_BLOCK", 64)
    monkeypatch.setattr(tiled_cells, "_ROWS", 50)
    nuclei, largest = draw((1100, 150), count)
    image = np.random.default_rng(1).integers(0, 999, nuclei.shape).astype(np.uint16)
    metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    tifffile.imwrite(tmp_path / "a.ome.tif", image, metadata=metadata, ome=True)
    file, cells, table = (tmp_path / name for name in ("labels.tif", "cells.tif", "cells.csv"))
    bands = [nuclei[top : top + 512] for top in range(0, 1100, 512)]
    write_label_bands(file, nuclei.shape, bands)
    stream = stream_label_file(file, largest, list)
    expansion, size = Expansion(5, "um"), (0.25, 0.5)
    with open_image(tmp_path / "a.ome.tif") as source:
        given = source.plane(), stream, file, expansion, Measures()
        columns = expand_large(*given, cells, table, "a")
    whole = expand(nuclei, expansion, size)
    np.testing.assert_array_equal(read_labels(cells), whole)
    found = pd.read_csv(table)
    assert list(found) == columns
    assert set(found.pop("image")) <= {"a"}
    expected = measure_cells(whole, nuclei, image, pixel_size=size)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-5)
