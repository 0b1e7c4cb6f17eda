"""``nucleisplit infer``: labels in the OME-Zarr of the image, or the image beside the labels."""

import json
import shutil

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.images import open_image
from nucleisplit.labels import read_labels, write_as


@pytest.fixture
def infer(model, tmp_path):
    def run(*arguments):
        words = ["infer", *arguments, "--out", tmp_path / "out", "--model", model]
        return CliRunner().invoke(main, [str(word) for word in [*words, "--device", "cpu"]])

    return run


@pytest.fixture
def image(tmp_path, spots):
    """An OME-Zarr with an image, its labels removed."""
    pixels = spots(0, (96, 96), 12)[0]
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with open_image(tmp_path / "a.tif") as source:
        write_as("ome-zarr", tmp_path / "a.ome.zarr", pixels, image=source.plane())
    shutil.rmtree(tmp_path / "a.ome.zarr" / "labels")
    return tmp_path / "a.ome.zarr"


def test_labels_in_the_image_resumed_and_replaced(infer, image, tmp_path):
    target, out = image / "labels" / "nuclei", tmp_path / "out"
    assert infer(image, "--in-place").exit_code == 0
    found = read_labels(out / "a_labels.tif")
    assert found.max() > 0
    np.testing.assert_array_equal(read_labels(target), found)
    (entry,) = json.loads((out / "run.json").read_text())["images"]
    assert entry["in_place"] == "labels/nuclei"

    assert "(1 by an earlier run)" in infer(image, "--in-place", "--resume").output
    shutil.rmtree(target)
    assert "by an earlier run" not in infer(image, "--in-place", "--resume").output
    np.testing.assert_array_equal(read_labels(target), found)

    shutil.rmtree(out)
    result = infer(image, "--in-place")
    assert result.exit_code == 2 and "labels/nuclei: exists; use --overwrite" in result.output
    assert not out.exists()
    assert infer(image, "--in-place", "--overwrite", "--min-iou", 1).exit_code == 0
    assert not read_labels(target).any()


def test_the_image_beside_the_labels(infer, image, tmp_path):
    out = tmp_path / "out"
    write = ("--write", "ome-zarr", "--with-image")
    assert infer(tmp_path / "a.tif", *write).exit_code == 0
    with open_image(out / "a.ome.zarr") as source:
        np.testing.assert_array_equal(source.plane().read(), tifffile.imread(tmp_path / "a.tif"))
    labels = read_labels(out / "a.ome.zarr" / "labels" / "nuclei")
    np.testing.assert_array_equal(labels, read_labels(out / "a_labels.tif"))
    tifffile.imwrite(tmp_path / "a.tif", 255 - tifffile.imread(tmp_path / "a.tif"))
    assert infer(tmp_path / "a.tif", *write, "--resume").exit_code == 0
    with open_image(out / "a.ome.zarr") as source:
        np.testing.assert_array_equal(source.plane().read(), tifffile.imread(tmp_path / "a.tif"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--in-place"], "a.tif: is no image in the folder of an OME-Zarr; leave out --in-place"),
        (["--with-image"], "no format that holds the image; add --write ome-zarr"),
        (["--write", "ome-zarr,ome-zarr-0.4"], "two of them have the same names of files"),
        (["--in-place", "--z", "each"], "labels in place hold no stacks"),
    ],
)
def test_what_does_not_go_together_is_refused(infer, image, tmp_path, options, message):
    result = infer(tmp_path / "a.tif", *options)
    assert result.exit_code == 2 and message in result.output
    assert not (tmp_path / "out").exists()
