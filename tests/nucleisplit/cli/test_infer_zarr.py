"""``nucleisplit infer``: labels in the OME-Zarr of the image, or the image beside the labels."""

import json
import os
import shutil
from threading import Event

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from nucleisplit.batch import process
from nucleisplit.batch.journal import Journal
from nucleisplit.cli.main import main
from nucleisplit.errors import OutputError
from nucleisplit.images import open_image
from nucleisplit.labels import read_labels, write_as
from tests.strategies.zarrs import VERSIONS, make_array, make_group


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


@pytest.mark.parametrize("z", ["each", "3d"])
def test_labels_of_a_stack_in_the_image(infer, image, tmp_path, spots, z):
    with open_image(image) as source:
        pixels = source.plane().read()
    light = np.array([0.5, 1, 1, 0.5])[:, None, None]
    path = tmp_path / "stack.ome.zarr"
    group = make_group(path, VERSIONS[-1])
    stack = (pixels * light).astype(np.uint8)
    chunks = (1, 96, 96)
    make_array(group, stack.shape, chunks, version=VERSIONS[-1], name="0")[:] = stack
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    change = {"type": "scale", "scale": [1.0, 0.5, 0.5]}
    scales = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [change]}]}
    meta = {"multiscales": [scales | {"version": "0.4"}]}
    group.attrs.update(meta if VERSIONS[-1] == 2 else {"ome": {"version": "0.5", **meta}})
    result = infer(path, "--in-place", "--z", z)
    assert result.exit_code == 0, result.output
    (entry,) = json.loads((tmp_path / "out" / "run.json").read_text())["images"]
    assert entry["in_place"] == "labels/nuclei"
    with open_image(path / "labels" / "nuclei") as source:
        found = source.stack().read()
        assert source.stack().voxel_size == (1.0, 0.5, 0.5)
    assert found.max() > 0
    np.testing.assert_array_equal(found, tifffile.imread(tmp_path / "out" / "stack_labels.tif"))


def test_labels_of_an_image_that_is_not_recorded_are_taken_back(
    infer, image, tmp_path, monkeypatch
):
    shutil.copytree(image, tmp_path / "b.ome.zarr")
    add = Journal.add

    def full(self, key, entry):
        if "b.ome" in key:
            assert (tmp_path / "b.ome.zarr" / "labels" / "nuclei").is_dir()
            raise OutputError("journal: cannot be written", "free the disk and use --resume")
        add(self, key, entry)

    monkeypatch.setattr(Journal, "add", full)
    result = infer(image, tmp_path / "b.ome.zarr", "--in-place")
    assert result.exit_code == 2 and "journal: cannot be written" in result.output
    assert (image / "labels" / "nuclei").is_dir()
    assert not (tmp_path / "b.ome.zarr" / "labels").exists()
    monkeypatch.undo()
    assert infer(image, tmp_path / "b.ome.zarr", "--in-place", "--resume").exit_code == 0
    assert read_labels(tmp_path / "b.ome.zarr" / "labels" / "nuclei").max() > 0


def test_labels_of_an_image_that_has_become_unreadable_are_taken_back(infer, image):
    assert infer(image, "--in-place").exit_code == 0
    for file in (image / "0").rglob("*"):
        if file.is_file() and file.name not in ("zarr.json", ".zarray"):
            file.write_bytes(b"damaged")
    os.utime(image / "0")
    result = infer(image, "--in-place", "--resume")
    assert result.exit_code == 1 and "damaged" in result.output
    assert not (image / "labels").exists()


def test_labels_of_an_image_ahead_of_one_that_fails_are_taken_back(infer, image, tmp_path):
    """Three images: while the second is written, which the disk has no room for, the third is done
    beside it."""
    paths = [image]
    for name in ("b", "c"):
        paths.append(tmp_path / f"{name}.ome.zarr")
        shutil.copytree(image, paths[-1])
    write = process.write_labels
    is_done = Event()
    put = process.put_in_place

    def wait(path, *args, **options):
        if path.name.startswith("b_"):
            assert is_done.wait(60)
            raise OutputError(f"{path}: cannot be written")
        return write(path, *args, **options)

    def note(job, *args):
        found = put(job, *args)
        if job.stem == "c":
            assert (job.path / "labels" / "nuclei").is_dir()
            is_done.set()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "write_labels", wait)
        patch.setattr(process, "put_in_place", note)
        assert infer(*paths, "--in-place").exit_code == 2
    assert [(path / "labels").exists() for path in paths] == [True, False, False]


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
    ],
)
def test_what_does_not_go_together_is_refused(infer, image, tmp_path, options, message):
    result = infer(tmp_path / "a.tif", *options)
    assert result.exit_code == 2 and message in result.output
    assert not (tmp_path / "out").exists()
