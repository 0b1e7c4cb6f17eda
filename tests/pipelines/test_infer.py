"""The command line reads an image of a SpatialData, and writes one."""

import numpy as np
import pandas as pd
import pytest
import spatialdata
import tifffile
from spatialdata.models import Image2DModel
from spatialdata.transformations import Affine, Identity, Scale, Sequence, get_transformation

import nucleisplit
from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.errors import ConfigError
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.labels import read_labels, to_spatialdata


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


def test_the_size_of_a_pixel_is_read(tmp_path, spots):
    turned = Affine(
        [[0.3, -0.4, 7], [0.4, 0.3, 9], [0, 0, 1]], input_axes=("x", "y"), output_axes=("x", "y")
    )
    places = {"global": Identity(), "um": Sequence([turned, Scale([0.5], axes=("x",))])}
    for name, place, size in (
        ("turned", {"um": turned}, (0.5, 0.5)),
        ("flat", {"um": Scale([0.25, 0.5], axes=("x", "y"))}, (0.5, 0.25)),
        ("sheared", places, None),
    ):
        parse = Image2DModel.parse
        image = parse(spots[0][None], dims=("c", "y", "x"), transformations=place)
        spatialdata.SpatialData(images={"dapi": image}).write(tmp_path / f"{name}.zarr")
        with open_image(tmp_path / f"{name}.zarr") as source:
            assert source.plane().pixel_size == pytest.approx(size)


def test_the_size_of_a_pixel_goes_from_one_to_the_next(tmp_path, spots):
    image = Image2DModel.parse(
        spots[0][None],
        dims=("c", "y", "x"),
        transformations={"um": Scale([0.5, 0.5], axes=("x", "y"))},
    )
    spatialdata.SpatialData(images={"dapi": image}).write(tmp_path / "a.zarr")
    given = {"overlay": False, "write": ["spatialdata"], "expand": "2um"}
    report = infer_batch([tmp_path / "a.zarr"], tmp_path / "out", **given)
    assert report.images[0]["pixel_size_um"] == [0.5, 0.5]
    found = spatialdata.read_zarr(report.out / "a.spatialdata.zarr")
    for name in ("image", "nuclei", "nuclei_outlines"):
        scale = get_transformation(found[name], "um").to_affine_matrix(("x", "y"), ("x", "y"))
        assert np.diag(scale).tolist() == [0.5, 0.5, 1]


def test_a_result_becomes_spatialdata(spots):
    result = nucleisplit.segment(spots[0])
    made = result.to_spatialdata(["DAPI"])
    assert made["image"].coords["c"].values.tolist() == ["DAPI"]
    assert made["nuclei_table"].n_obs == result.nuclei
    kept_nothing = nucleisplit.Segmenter().segment(spots[0], keep_candidates=False)
    with pytest.raises(ConfigError, match="keep_candidates=True"):
        kept_nothing.to_spatialdata()


@pytest.mark.parametrize("colours", [False, True])
def test_an_image_in_tiles_becomes_the_same(tmp_path, spots, monkeypatch, colours):
    """The same elements as of an image in one piece, whose labels are those of the tiles."""
    monkeypatch.setattr("nucleisplit.labels.spatialdata._COARSEST", 256)
    image = np.tile(spots[0], (3, 4))
    image = np.stack([image, 255 - image, image], axis=-1) if colours else image
    tifffile.imwrite(tmp_path / "a.tif", image, resolution=(20000, 40000), resolutionunit=3)
    report = infer_batch(
        [tmp_path / "a.tif"], tmp_path / "out", tile=256, overlay=False, write=["spatialdata"]
    )
    (entry,) = report.images
    assert entry.get("tiles", 0) > 1, entry
    assert entry["pixel_size_um"] == pytest.approx([0.25, 0.5])
    found = spatialdata.read_zarr(report.out / "a.spatialdata.zarr")
    labels = read_labels(report.out / "a_labels.tif")
    table = pd.read_csv(report.out / "nuclei.csv").drop(columns="image")
    wanted = to_spatialdata(labels, table, image, pixel_size=(0.25, 0.5))
    for name in ("image", "nuclei"):
        assert list(found[name].children) == list(wanted[name].children)
        for level in found[name].children:
            ours, theirs = (each[name][level]["image"].to_numpy() for each in (found, wanted))
            np.testing.assert_array_equal(ours, theirs)
    by_label = found["nuclei_outlines"].loc[wanted["nuclei_outlines"].index]
    assert len(found["nuclei_outlines"]) == len(by_label) == entry["nuclei"] > 20
    assert by_label.geometry.geom_equals(wanted["nuclei_outlines"].geometry).all()
    rows, expected = found["nuclei_table"], wanted["nuclei_table"]
    rows = rows[expected.obs_names]
    assert rows.var_names.tolist() == expected.var_names.tolist()
    np.testing.assert_allclose(rows.X, expected.X, rtol=1e-5)
    assert rows.obs["label"].tolist() == table["label"].tolist()
    np.testing.assert_allclose(rows.obsm["spatial"], expected.obsm["spatial"], rtol=1e-5)
    for name in ("image", "nuclei", "nuclei_outlines"):
        scale = get_transformation(found[name], "um").to_affine_matrix(("x", "y"), ("x", "y"))
        assert np.diag(scale) == pytest.approx([0.5, 0.25, 1])


def test_an_empty_image_in_tiles_has_labels_alone(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((300, 300), 7, np.uint8))
    given = {"tile": 256, "overlay": False, "write": ["spatialdata"]}
    report = infer_batch([tmp_path / "a.tif"], tmp_path / "out", **given)
    found = spatialdata.read_zarr(report.out / "a.spatialdata.zarr")
    assert not found["nuclei"].to_numpy().any()
    assert not [*found.shapes, *found.tables]
