"""What the scripts ask of the command and read of its answer is what it knows and writes."""

import gzip
import json
import re
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from nucleisplit.cli.main import main
from nucleisplit.labels import FORMATS


@pytest.mark.parametrize("program", ["fiji", "qupath"])
def test_every_option_is_known(scripts, program):
    used = set(re.findall(r'"(--[a-z-]+)"', scripts[program].read_text(encoding="utf-8")))
    known = set(re.findall("--[a-z-]+", CliRunner().invoke(main, ["infer", "--help"]).output))
    assert {"--out", "--write", "--no-overlay"} <= used <= known


def test_the_answer_has_what_is_read(fiji, tmp_path, monkeypatch):
    """Both scripts, one run: a region that works and one that does not."""
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    rows, columns = np.mgrid[:96, :128]
    disk = ((rows - 40) ** 2 + (columns - 50) ** 2 < 14**2) * 180 + 20
    Image.fromarray(disk.astype(np.uint8)).save(images / "region-1.tif")
    (images / "region-2.tif").write_bytes(b"II*\0")

    words = fiji.command(str(images), str(out))[1:]
    words[words.index("roi")] = "roi,geojson"
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert "region-2.tif" in fiji.problem_of(done.output.splitlines()[:-1])

    first, second = json.loads((out / "run.json").read_text())["images"]
    assert (first["image"], first["status"]) == ("region-1.tif", "ok")
    assert (first["height"], first["width"]) == (96, 128)
    assert (out / first["written"]["geojson"]).is_file()
    assert second["status"] == "failed"
    rois, table = fiji.results(str(out), "region-1")
    assert len(zipfile.ZipFile(rois).namelist()) == first["nuclei"] == 1
    assert open(table).readline().startswith("image,label,")


@pytest.mark.parametrize("name", ["geojson", "geojson-gz"])
def test_the_import_script_finds_the_size_of_the_image(scripts, tmp_path, name):
    path = tmp_path / f"a{FORMATS[name].ending}"
    FORMATS[name].write(path, np.eye(30, 4_000_000, dtype=np.uint8))
    script = scripts["import"].read_text(encoding="utf-8")
    (pattern,) = re.findall("head =~ /(.*)/", script)
    (length,) = map(int, re.findall(r"readNBytes\((\d+)\)", script))
    with (gzip.open if name == "geojson-gz" else open)(path, "rb") as file:
        head = file.read(length).decode()
    assert re.search(pattern, head).groups() == ("30", "4000000")
