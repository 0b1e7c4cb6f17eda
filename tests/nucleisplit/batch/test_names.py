"""Names of images that would stop a run, break its table, or be computed by a spreadsheet."""

import csv
import json
import os

import pandas as pd
import pytest
from PIL import Image

from nucleisplit.batch.run import infer_batch
from nucleisplit.conversion import convert_table
from nucleisplit.io.formats import read_nuclei
from nucleisplit.report.run import read_run

LONG = "ä" * 100 + "x" * 40
NAMES = [f"{LONG}1.png", f"{LONG}2.png", "a\nb.png", "=1+1.png", "+x.png", "-1.png", "@a.png",
         "'=q.png", "ome.ome.tif.png", os.fsdecode(b"caf\xe9.png")]  # fmt: skip


@pytest.fixture
def folder(tmp_path, spots):
    image = Image.fromarray(spots(0)[0])
    (tmp_path / "in").mkdir()
    for name in NAMES:
        image.save(tmp_path / "in" / "x.png")
        os.rename(tmp_path / "in" / "x.png", tmp_path / "in" / name)
    return tmp_path / "in"


def test_every_image_is_done_and_the_table_has_one_line_a_nucleus(folder, tmp_path, model):
    out = tmp_path / "out"
    report = infer_batch([folder], out=out, model=model, write=["coco-polygons"])
    assert not report.failed and len(report.images) == len(NAMES)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    nuclei = {entry["image"]: entry["nuclei"] for entry in record["images"]}
    assert len(nuclei) == len(NAMES)
    lines = (out / "nuclei.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) - 1 == sum(nuclei.values())
    with (out / "nuclei.csv").open(encoding="utf-8", newline="") as file:
        cells = {row["image"] for row in csv.DictReader(file)}
    assert len(cells) == len(NAMES) and not any(cell[0] in "=+-@" for cell in cells)
    table = read_nuclei(out / "nuclei.csv")
    assert set(table["image"]) == set(nuclei)
    assert {"=1+1.png", "+x.png", "-1.png", "@a.png", "'=q.png", r"a\nb.png"} < set(nuclei)
    assert all(len(entry.table) == nuclei[entry.name] for entry in read_run(out).entries)
    for name in ("nuclei.parquet", "nuclei.h5ad"):
        convert_table(out / "nuclei.csv", tmp_path / name)
        assert set(read_nuclei(tmp_path / name)["image"]) == set(nuclei)
        convert_table(tmp_path / name, tmp_path / "again.csv", overwrite=True)
        assert (tmp_path / "again.csv").read_text().splitlines()[1].split(",")[0] in lines[1]
    again = infer_batch([folder], out=out, model=model, write=["coco-polygons"], resume=True)
    assert again.skipped == len(NAMES)


def test_streamed_tables_have_the_names(folder, tmp_path, model):
    out = tmp_path / "out"
    infer_batch([folder], out=out, model=model, parquet=True, h5ad=True)
    expected = set(read_nuclei(out / "nuclei.csv")["image"])
    assert set(pd.read_parquet(out / "nuclei.parquet")["image"]) == expected
    assert set(read_nuclei(out / "nuclei.h5ad")["image"]) == expected
