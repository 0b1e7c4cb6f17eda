"""The command line reads an image of a SpatialData, and writes one."""

import numpy as np
import pytest
import spatialdata
from spatialdata.models import Image2DModel

import nucleisplit
from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.errors import ConfigError
from nucleisplit.images import PlaneChoice
from nucleisplit.labels import read_labels


@pytest.fixture
def sample(tmp_path, spots):
    images = {
        name: Image2DModel.parse(pixels[None], dims=("c", "y", "x"))
        for name, pixels in (("dapi", spots[0]), ("wide", np.tile(spots[0], (1, 2))))
    }
    spatialdata.SpatialData(images=images).write(tmp_path / "sample.zarr")
    return tmp_path / "sample.zarr"


def test_an_image_in_and_nuclei_and_cells_out(sample, spots):
    given = {"planes": PlaneChoice(image="dapi"), "overlay": False, "write": ["spatialdata"]}
    report = infer_batch([sample], expand=4, **given)
    assert not report.failed
    labels = read_labels(report.out / "sample_labels.tif")
    found = spatialdata.read_zarr(report.out / "sample.spatialdata.zarr")
    np.testing.assert_array_equal(found["nuclei"].to_numpy(), labels)
    np.testing.assert_array_equal(found["image"].to_numpy()[0], spots[0])
    assert found["nuclei_table"].n_obs == report.nuclei > 0
    cells = spatialdata.read_zarr(report.out / "sample_cells.spatialdata.zarr")
    assert (cells["nuclei_outlines"].area > found["nuclei_outlines"].area).all()
    assert (report.out / "cells.csv").is_file()


def test_a_result_becomes_spatialdata(spots):
    result = nucleisplit.segment(spots[0])
    made = result.to_spatialdata(["DAPI"])
    assert made["image"].coords["c"].values.tolist() == ["DAPI"]
    assert made["nuclei_table"].n_obs == result.nuclei
    kept_nothing = nucleisplit.Segmenter().segment(spots[0], keep_candidates=False)
    with pytest.raises(ConfigError, match="keep_candidates=True"):
        kept_nothing.to_spatialdata()


def test_tiled_images_are_refused_before_they_are_computed(tmp_path, sample):
    given = {"planes": PlaneChoice(image="wide"), "overlay": False, "write": ["spatialdata"]}
    (entry,) = infer_batch([sample], tmp_path / "out", tile=256, **given).images
    assert (
        "is computed in tiles, which are not written as SpatialData; write ome-" in entry["message"]
    )
