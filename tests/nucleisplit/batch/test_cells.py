"""Runs that grow nuclei into cells: the files, the table, what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.errors import ConfigError, OutputError
from nucleisplit.images import PlaneChoice
from nucleisplit.labels import read_geojson, read_labels
from nucleisplit.measure import Expansion, Measures, expand, measure_cells
from nucleisplit.tables import read_nuclei


@pytest.fixture
def run(model, tmp_path):
    def run(*images, out=tmp_path / "out", **options):
        return infer_batch(images, out, model=model, device="cpu", overlay=False, **options)

    return run


@pytest.fixture
def two_channels(tmp_path, spots):
    """Two channels of a field, with the size of a pixel."""
    image = spots(3, (260, 420), 170)[0]
    pixels = np.stack([255 - image, image])
    metadata = {"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    tifffile.imwrite(tmp_path / "field.ome.tif", pixels, metadata=metadata, ome=True)
    return tmp_path / "field.ome.tif", pixels


@pytest.mark.parametrize("tile", [None, 256])
def test_cells_are_written_and_measured_the_same_in_tiles(tmp_path, run, two_channels, tile):
    path, pixels = two_channels
    given = {"planes": PlaneChoice(channel=1), "measures": Measures(channels="all"), "tile": tile}
    report = run(path, expand="2um", write=["geojson"], parquet=True, h5ad=True, **given)
    out = report.out
    nuclei, cells = (read_labels(out / f"field_{what}.tif") for what in ("labels", "cells"))
    expected = expand(nuclei, Expansion(2, "um"), (0.25, 0.5))
    np.testing.assert_array_equal(cells, expected)
    np.testing.assert_array_equal(read_geojson(out / "field_cells.geojson"), cells)
    np.testing.assert_array_equal(read_geojson(out / "field.geojson"), nuclei)

    table = pd.read_csv(out / "cells.csv")
    assert table.pop("image").unique().tolist() == ["field.ome.tif"]
    channels = pixels.transpose(1, 2, 0)
    size = (0.25, 0.5)
    whole = measure_cells(cells, nuclei, pixels[1], channels=channels, pixel_size=size)
    pd.testing.assert_frame_equal(table, whole, check_dtype=False, rtol=1e-5)
    assert table["label"].tolist() == pd.read_csv(out / "nuclei.csv")["label"].tolist()
    for ending in ("parquet", "h5ad"):
        assert len(read_nuclei(out / f"cells.{ending}")) == len(table)
    (entry,) = json.loads((out / "run.json").read_text())["images"]
    assert entry["cells_written"] == {"geojson": "field_cells.geojson", "tiff": "field_cells.tif"}
    assert "cells" not in entry
    assert not list(out.glob(".*.part"))


def test_a_run_with_cells_goes_on_and_is_replaced(tmp_path, run, spots):
    images = tmp_path / "images"
    images.mkdir()
    for name in "ab":
        tifffile.imwrite(images / f"{name}.tif", spots(ord(name))[0])
    out = run(images, expand=3).out
    before = (out / "cells.csv").read_bytes()
    (out / "b_cells.tif").unlink()
    with pytest.raises(ConfigError, match="begun with expand 3px, not 4px"):
        run(images, expand=4, resume=True)
    report = run(images, expand=3, resume=True)
    assert report.skipped == 1 and (out / "b_cells.tif").is_file()
    assert (out / "cells.csv").read_bytes() == before
    run(images, overwrite=True)
    assert not [path.name for path in out.iterdir() if "cells" in path.name]


def test_micrometres_without_a_pixel_size_fail_before_anything_is_computed(tmp_path, run, spots):
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, spots(1)[0])
    (entry,) = run(path, expand="5um").images
    assert entry["status"] == "failed"
    assert entry["message"] == (
        f"{path}: nuclei cannot be grown by 5um: the size of a pixel is not known; give the "
        "expansion in pixels, such as 10"
    )
    assert (tmp_path / "out" / "cells.csv").read_text().startswith("image,label,")


def test_images_without_nuclei_have_no_cells(tmp_path, run):
    path = tmp_path / "empty.tif"
    tifffile.imwrite(path, np.zeros((300, 40), np.uint8))
    for tile in (None, 256):
        out = run(path, expand=5, tile=tile, overwrite=True).out
        assert len(pd.read_csv(out / "cells.csv")) == 0
        assert not read_labels(out / "empty_cells.tif").any()


def test_stacks_are_refused(run):
    with pytest.raises(ConfigError, match="stacks are not grown into cells; leave out --expand"):
        run("a.tif", expand=5, planes=PlaneChoice(z="each"))


def test_two_files_of_one_name_are_refused(tmp_path, run, spots):
    for name in ("a.tif", "a_cells.tif"):
        tifffile.imwrite(tmp_path / name, spots(1)[0])
    with pytest.raises(OutputError, match=r"a_cells.geojson: would be of the cells of .*a.tif and"):
        run(tmp_path / "a.tif", tmp_path / "a_cells.tif", expand=5, write=["geojson"])
