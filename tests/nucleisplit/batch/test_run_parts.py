"""Runs whose images are no files of their own: plates, files of several images, sets of files."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.errors import Cancelled
from nucleisplit.images import PlaneChoice
from nucleisplit.labels import read_labels
from nucleisplit.report.batch_folder import read_run
from tests.strategies.zarrs import make_array, make_group


@pytest.fixture
def run(model, tmp_path):
    def run(*images, out=tmp_path / "out", **options):
        return infer_batch(images, out, model=model, device="cpu", **options)

    return run


def write_plate(path, fields):
    """Write a plate: `fields` maps paths such as A/1/0 to images."""
    plate = make_group(path)
    wells = sorted({name.rpartition("/")[0] for name in fields})
    plate.attrs["plate"] = {"wells": [{"path": well} for well in wells]}
    for well in wells:
        names = [name.rpartition("/")[2] for name in fields if name.startswith(well)]
        plate.require_group(well).attrs["well"] = {"images": [{"path": name} for name in names]}
    for name, image in fields.items():
        group = plate.require_group(name)
        make_array(group, image.shape, (32, 32), name="0")[:] = image
        axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
        scale = [{"type": "scale", "scale": [0.5, 0.5]}]
        datasets = [{"path": "0", "coordinateTransformations": scale}]
        group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return path


def test_a_plate_runs_as_a_whole(tmp_path, run, spots):
    fields = {name: spots(i)[0] for i, name in enumerate(("A/1/0", "A/1/1", "B/2/0"))}
    plate = write_plate(tmp_path / "p.ome.zarr", fields)
    shutil.rmtree(plate / "B" / "2" / "0" / "0")
    before = sorted(plate.rglob("*"))
    report = run(plate)
    assert [entry["status"] for entry in report.images] == ["ok", "ok", "failed"]
    assert "B/2/0: has no level that can be read" in report.failed[0]["message"]
    assert [entry["image"] for entry in report.images] == [f"p.ome.zarr/{name}" for name in fields]
    assert [entry["well"] + entry["field"] for entry in report.images] == ["A10", "A11", "B20"]
    table = pd.read_csv(report.out / "nuclei.csv", dtype={"field": str})
    assert list(table)[:4] == ["image", "well", "field", "label"]
    assert set(table["well"]) == {"A1"} and set(table["field"]) == {"0", "1"}
    for entry in report.images[:2]:
        assert read_labels(report.out / entry["labels"]).max() == entry["nuclei"] > 0
    assert (report.out / "A_1_1_labels.tif").is_file()
    assert sorted(plate.rglob("*")) == before


def test_every_image_of_a_file_and_its_report(tmp_path, run, spots):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for number in range(2):
            tiff.write(spots(number)[0], photometric="minisblack")
    report = run(path, planes=PlaneChoice(scene="all"))
    assert [(e["image"], e["scene"], e["status"]) for e in report.images] == [
        ("a.ome.tif#0", 0, "ok"),
        ("a.ome.tif#1", 1, "ok"),
    ]
    one = run(path, out=tmp_path / "one", planes=PlaneChoice(scene=1)).images[0]
    np.testing.assert_array_equal(
        read_labels(report.out / report.images[1]["labels"]),
        read_labels(tmp_path / "one" / one["labels"]),
    )
    assert run(path, planes=PlaneChoice(scene="all"), resume=True).skipped == 2
    assert all(entry.path.samefile(path) for entry in read_run(report.out).entries)


def test_chunks_that_are_missing_are_counted(tmp_path, run, spots):
    array = make_array(tmp_path / "a.zarr", (64, 64), (32, 32))
    array[:] = spots(0)[0]
    assert "missing_chunks" not in run(tmp_path / "a.zarr").images[0]
    (tmp_path / "a.zarr" / "0.1").unlink()
    entry = run(tmp_path / "a.zarr", overwrite=True).images[0]
    assert (entry["status"], entry["missing_chunks"]) == ("ok", 1)


def test_outputs_of_another_run_are_left_out(tmp_path, run, spots):
    tifffile.imwrite(tmp_path / "x.tif", spots(0)[0])
    run(tmp_path / "x.tif", out=tmp_path)
    report = run(tmp_path)
    assert [entry["image"] for entry in report.images] == ["x.tif"]
    assert report.notes == ("outputs of an earlier run were left out: x_labels.tif, x_overlay.png",)
    assert json.loads((report.out / "run.json").read_text())["status"] == "finished"


def test_a_batch_that_is_cancelled_within_an_image_is_resumed(tmp_path, run, spots):
    for number in range(2):
        tifffile.imwrite(tmp_path / f"{number}.tif", spots(number)[0])

    entries = []

    def stop(done, total, entry):
        if entry is None and any(entries):
            raise Cancelled("enough")
        entries.append(entry)

    with pytest.raises(Cancelled):
        run(tmp_path / "*.tif", progress=stop)
    assert not (tmp_path / "out" / "1_labels.tif").exists()
    report = run(tmp_path / "*.tif", resume=True)
    assert [entry["status"] for entry in report.images] == ["ok", "ok"]
    assert report.skipped == 1
