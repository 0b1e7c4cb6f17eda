"""Many images spread over processes: what is written is the same, and who does it is not."""

import json

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from nucleisplit.batch.outputs import Job
from nucleisplit.batch.process import Process
from nucleisplit.cli.main import main
from nucleisplit.errors import InputError, OutputError
from nucleisplit.images import PlaneChoice
from nucleisplit.options import BatchOptions
from nucleisplit.segmenter import Segmenter


@pytest.fixture
def images(tmp_path, spots):
    """Three small images, one that is damaged, and one that is computed in tiles."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        tifffile.imwrite(folder / f"{number}.tif", spots(number)[0])
    tifffile.imwrite(folder / "large.tif", spots(3, (300, 280), 40)[0])
    (folder / "damaged.tif").write_bytes(b"II*\0 and no more")
    return folder


@pytest.fixture
def infer(tmp_path, model):
    """Run the command into a folder of that name; its record without times, and its files."""

    def infer(images, name, *words):
        out = tmp_path / name
        words = ("infer", images, "--out", out, "--model", model, "--tile", 256, *words)
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == 1, result.output
        record = json.loads((out / "run.json").read_text())
        for entry in record["images"]:
            del entry["seconds"]
        files = {path.name: path for path in out.iterdir() if path.suffix != ".json"}
        files = {name: path.read_bytes() for name, path in files.items() if name[0] != "."}
        return record["images"], files

    return infer


def test_small_images_are_done_by_the_workers_and_all_is_the_same(images, infer, monkeypatch):
    expected = infer(images, "here", "--write", "geojson")
    assert [entry["status"] for entry in expected[0]] == ["ok"] * 3 + ["failed", "ok"]

    def refuse(*_, **__):
        raise AssertionError("this process is not to do it")

    monkeypatch.setattr(Segmenter, "segment", refuse)
    assert infer(images, "there", "--write", "geojson", "--workers", 2) == expected


class Workers:
    """A cluster that answers what it is told to, for each image it is given."""

    def __init__(self, answer):
        self.answer = answer

    def each(self, recipe, function, jobs, name):
        return [(job, self.answer) for job in jobs]


@pytest.fixture
def entry(tmp_path):
    """What becomes of an image of zeros when the workers give that answer."""

    def entry(answer, shape=(64, 64), planes=None):
        tifffile.imwrite(tmp_path / "a.tif", np.zeros(shape, np.uint8))
        options = BatchOptions(planes=planes or PlaneChoice(), overlay=False, tile=256)
        process = Process(None, options, tmp_path, {}, Workers(answer))
        jobs = [Job(tmp_path / "a.tif", "a", "a.tif", "a")]
        ((_, entry),) = process.all_of(jobs, lambda share: None)
        return entry

    return entry


def test_what_kills_the_workers_is_one_failed_image(entry):
    found = entry(InputError("a.tif: failed on the cluster", "look at the log"))
    assert (found["image"], found["status"]) == ("a.tif", "failed")
    assert found["message"] == "a.tif: failed on the cluster; look at the log"


def test_only_large_images_are_not_given_to_a_worker_as_a_whole(entry):
    answer = {"status": "ok"}
    assert entry(answer) == answer
    assert entry(answer, (3, 300, 300), PlaneChoice(z="each")) == answer
    assert entry(answer, (300, 300)) != answer


def test_what_is_wrong_with_all_images_ends_the_run(entry):
    with pytest.raises(OutputError, match="the disk is full"):
        entry(OutputError("the disk is full"))
