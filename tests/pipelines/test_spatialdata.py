"""What is written as SpatialData, opened, validated and drawn by its own libraries."""

import matplotlib as mpl
import numpy as np
import pytest
import spatialdata
from spatialdata.transformations import get_transformation

from nucleisplit.errors import InputError
from nucleisplit.labels import read_label_file, to_spatialdata, write_spatialdata
from nucleisplit.measure import measure

mpl.use("Agg")


@pytest.fixture
def written(tmp_path, spots):
    image, labels = spots
    path = tmp_path / "a.spatialdata.zarr"
    table = measure(labels, image, pixel_size=(0.5, 0.25))
    write_spatialdata(path, labels, table, pixel_size=(0.5, 0.25), image=image, channels=["DAPI"])
    return path


def test_all_elements_come_back(written, spots):
    image, labels = spots
    found = spatialdata.read_zarr(written)
    np.testing.assert_array_equal(found["image"].to_numpy(), image[None])
    assert found["image"].coords["c"].values.tolist() == ["DAPI"]
    np.testing.assert_array_equal(found["nuclei"].to_numpy(), labels)
    outlines = found["nuclei_outlines"]
    assert outlines.index.tolist() == [1, 2, 3, 4]
    assert outlines.area.tolist() == np.bincount(labels.ravel())[1:].tolist()
    table = found["nuclei_table"]
    assert table.uns["spatialdata_attrs"] == {
        "region": "nuclei",
        "region_key": "region",
        "instance_key": "label",
    }
    assert table.obs["label"].tolist() == [1, 2, 3, 4]
    assert table[:, "area"].X.ravel().tolist() == outlines.area.tolist()


def test_the_table_annotates_the_labels(written):
    found = spatialdata.read_zarr(written)
    joined, rows = spatialdata.join_spatialelement_table(
        found, "nuclei", table_name="nuclei_table", how="left"
    )
    assert rows.obs["label"].tolist() == [1, 2, 3, 4]


def test_the_size_of_a_pixel_is_a_scale(written):
    found = spatialdata.read_zarr(written)
    assert sorted(found.coordinate_systems) == ["global", "um"]
    for name in ("image", "nuclei", "nuclei_outlines"):
        scale = get_transformation(found[name], "um").to_affine_matrix(("x", "y"), ("x", "y"))
        assert np.diag(scale).tolist() == [0.25, 0.5, 1]


def test_spatialdata_plot_draws_it(written, tmp_path):
    import spatialdata_plot  # noqa: F401

    found = spatialdata.read_zarr(written)
    file = tmp_path / "plot.png"
    found.pl.render_images("image").pl.render_labels("nuclei", color="area").pl.show(
        coordinate_systems="um", save=file
    )
    assert file.stat().st_size > 5000


def test_large_images_are_pyramids(spots):
    labels = np.kron(spots[1], np.ones((13, 13), int))
    found = to_spatialdata(labels, image=labels.astype(np.uint16))
    for name in ("nuclei", "image"):
        sizes = [found[name][level]["image"].shape[-2:] for level in found[name].children]
        assert sizes == [(1560, 2080), (780, 1040), (390, 520)]


def test_labels_are_read_back(written, spots):
    np.testing.assert_array_equal(read_label_file(written), spots[1])


def test_images_without_nuclei_have_neither_outlines_nor_table(tmp_path, spots):
    image = spots[0]
    labels = np.zeros(image.shape, int)
    path = tmp_path / "b.spatialdata.zarr"
    write_spatialdata(path, labels, measure(labels, image), image=image)
    found = spatialdata.read_zarr(path)
    assert not [*found.shapes, *found.tables]
    assert found["nuclei"].shape == image.shape


def test_a_table_of_other_labels_is_refused(spots):
    image, labels = spots
    table = measure(np.where(labels == 3, 0, labels), image)
    with pytest.raises(InputError, match="not about the same nuclei .such as 3.; give the table"):
        to_spatialdata(labels, table)


def test_an_image_of_another_size_is_refused(spots):
    image, labels = spots
    with pytest.raises(InputError, match=r"image is \(119, 160\), the labels are \(120, 160\)"):
        to_spatialdata(labels, image=image[1:])
