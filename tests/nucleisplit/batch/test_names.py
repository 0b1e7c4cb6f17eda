"""Names of images that would stop a run, break its table, or be computed by a spreadsheet."""

import csv
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from nucleisplit.batch.outputs import default_out, plan_jobs
from nucleisplit.batch.parts import Part
from nucleisplit.batch.run_table import types_of, write_run_table
from nucleisplit.datasets.conversion import convert_table
from nucleisplit.files import write_json
from nucleisplit.images import PlaneChoice
from nucleisplit.labels import FORMATS, write_labels
from nucleisplit.report.batch_folder import read_run
from nucleisplit.tables import csv_rows, csv_to_h5ad, read_nuclei, stream_to_parquet

LONG = "ä" * 100 + "x" * 40
NAMES = [
    *(f"{LONG}1.png", f"{LONG}2.png", "a\nb.png", "=1+1.png", "+x.png", "-1.png", "@a.png"),
    *("'=q.png", "'q.png", "ome.ome.tif", os.fsdecode(b"caf\xe9.png")),
]


@pytest.fixture
def jobs(tmp_path):
    return plan_jobs([Part(tmp_path / "in" / name) for name in NAMES], tmp_path / "out")


@pytest.fixture
def out(tmp_path, jobs):
    """What a run leaves, of two nuclei an image."""
    columns = ["image", "label", "area", "predicted_iou", "touches_edge"]
    columns += [f"bbox-{side}" for side in range(4)]
    entries = []
    for job in jobs:
        table = pd.DataFrame(1, [1, 2], columns).assign(image=job.image, label=[1, 2])
        entry = {"image": job.image, "path": str(job.path), "status": "ok", "nuclei": 2}
        entries.append(entry | {"columns": columns, "rows": csv_rows(table)})
    folder = tmp_path / "out"
    write_run_table(folder / "nuclei.csv", columns, entries, folder)
    own = [{k: v for k, v in e.items() if k not in ("columns", "rows")} for e in entries]
    write_json(folder / "run.json", {"nucleisplit": "1", "images": own})
    return folder


def test_every_file_can_be_written(jobs):
    assert (
        len({job.stem.casefold() for job in jobs}) == len({job.image for job in jobs}) == len(NAMES)
    )
    formats = {*FORMATS} - {"ome-zarr-0.4", "spatialdata"}  # one name twice; an extra
    for job in jobs:
        write_labels(job.path.parents[1] / "out" / job.labels, [[0, 1]])
        for name, file in job.written(formats).items():
            FORMATS[name].write(job.path.parents[1] / "out" / file, [[0, 1]])
    assert {job.stem: job.labels for job in jobs}["ome"] == "ome_labels.tif"


def test_the_table_has_one_line_a_nucleus_and_no_formula(out):
    lines = (out / "nuclei.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * len(NAMES)
    with (out / "nuclei.csv").open(encoding="utf-8", newline="") as file:
        cells = [row["image"] for row in csv.DictReader(file)]
    assert len(set(cells)) == len(NAMES) and not any(cell[0] in "=+-@" for cell in cells)


def test_reading_gives_the_names(out, jobs, tmp_path):
    names = [job.image for job in jobs]
    assert set(NAMES[3:9]) < set(names) and r"a\nb.png" in names and r"caf\udce9.png" in names
    csv_file = out / "nuclei.csv"
    assert read_nuclei(csv_file)["image"].unique().tolist() == names
    assert [len(entry.table) for entry in read_run(out).entries] == [2] * len(names)
    assert [e["image"] for e in json.loads((out / "run.json").read_text())["images"]] == names
    types = types_of(read_nuclei(csv_file).columns, PlaneChoice())
    stream_to_parquet(csv_file, tmp_path / "a.parquet", types)
    csv_to_h5ad(csv_file, tmp_path / "a.h5ad", types)
    for name in ("a.parquet", "a.h5ad"):
        assert set(read_nuclei(tmp_path / name)["image"]) == set(names)
        convert_table(tmp_path / name, tmp_path / "again.csv", overwrite=True)
        assert (tmp_path / "again.csv").read_text().count("\n'=1+1.png,") == 2
        assert set(read_nuclei(tmp_path / "again.csv")["image"]) == set(names)


def test_the_folder_of_one_image():
    assert default_out(["a.ome.tif"], [Path("a.ome.tif")]).name == "a-nuclei"
    assert len(default_out([LONG + ".png"], [Path("in", LONG * 2 + ".png")]).name.encode()) < 200
