"""Small images are done side by side: what comes of them is that of one after the other."""

import json
from threading import current_thread

import pytest
import tifffile

from nucleisplit.batch import process
from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.errors import OutputError
from nucleisplit.segmenter import Segmenter

OTHER = (".json", ".jsonl")


@pytest.fixture
def run(tmp_path, model, spots):
    """Do five images, one of them damaged, into a folder of that name."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(4):
        tifffile.imwrite(folder / f"{number}.tif", spots(number)[0])
    (folder / "2b.tif").write_bytes(b"II*\0 and no more")

    def run(name, **options):
        options = {"model": model, "write": ("geojson",), **options}
        return infer_batch([folder], tmp_path / name, **options)

    return run


def files_of(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix not in OTHER}


def test_side_by_side_is_as_one_after_the_other(run, monkeypatch):
    threads = set()
    segment = Segmenter.segment

    def spy(*args, **options):
        threads.add(current_thread().name)
        return segment(*args, **options)

    monkeypatch.setattr(Segmenter, "segment", spy)
    beside = run("beside")
    assert len(threads) > 1
    monkeypatch.setattr(process, "_SMALL", 0)
    threads.clear()
    plain = run("plain")
    assert threads == {"MainThread"}
    names = [entry["image"] for entry in beside.images]
    assert names == ["0.tif", "1.tif", "2.tif", "2b.tif", "3.tif"]
    entries = [[e | {"seconds": 0} for e in report.images] for report in (beside, plain)]
    assert entries[0] == entries[1]
    assert [entry["status"] for entry in plain.images].count("failed") == 1
    assert files_of(beside.out) == files_of(plain.out)


def test_a_batch_that_ends_early_leaves_only_what_is_recorded(run, tmp_path, monkeypatch):
    write = process.write_labels

    def full(path, *args, **options):
        if path.name.startswith("1_"):
            raise OutputError(f"{path}: no space left")
        return write(path, *args, **options)

    monkeypatch.setattr(process, "write_labels", full)
    with pytest.raises(OutputError, match="1_labels.tif: no space left"):
        run("out")
    out = tmp_path / "out"
    assert [entry["image"] for entry in json.loads((out / "run.json").read_text())["images"]] == [
        "0.tif"
    ]
    assert sorted(path.name for path in out.glob("*_*.*")) == [
        "0_labels.tif",
        "0_overlay.png",
        "0_review.json",
    ]
    monkeypatch.undo()
    report = run("out", resume=True)
    assert (report.skipped, len(report.images), len(report.failed)) == (1, 5, 1)
