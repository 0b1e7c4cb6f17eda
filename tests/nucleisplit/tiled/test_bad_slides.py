"""What can go wrong with large images: one line says so, and finished work is kept."""

import errno
import json
import os
from pathlib import Path

import pytest
import tifffile
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.labels import read_labels
from nucleisplit.tiled import large

FILES = ("slide_labels.tif", "nuclei.csv", "slide_overlay.png")
LIMIT = 200_000
"""Bytes: more than a tile of the slide has, fewer than the picture of its outlines."""


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    """As on a slide, the survey does not see every place."""
    monkeypatch.setattr("nucleisplit.tiled.survey.SIDE", 128)
    monkeypatch.setattr("nucleisplit.tiled.survey.GLANCES", 3)


@pytest.fixture
def slide(tmp_path, spots):
    """A pyramid of two levels in tiles."""
    path = tmp_path / "slide.tif"
    image = spots(5, (600, 700), 450)[0]
    options = {"tile": (64, 64), "compression": "zlib"}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(image, subifds=1, **options)
        tiff.write(image[::2, ::2], subfiletype=1, **options)
    return path


@pytest.fixture
def other(tmp_path, spots):
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, spots(0)[0])
    return path


@pytest.fixture
def infer(tmp_path, model):
    """Run the command; what it says on stderr, and how it ended."""

    def infer(*arguments, out="out"):
        words = ["infer", *arguments, "--out", tmp_path / out, "--tile", 300]
        words += ["--model", model, "--device", "cpu"]
        result = CliRunner().invoke(main, [str(word) for word in words])
        return result.exit_code, result.stderr

    return infer


def break_tile(path, number, level=0):
    """Overwrite a compressed tile; return what was there."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.series[0].levels[level].pages[0]
        offset, count = page.dataoffsets[number], page.databytecounts[number]
    content = path.read_bytes()
    path.write_bytes(content[:offset] + b"\xff" * count + content[offset + count :])
    return content


def entries(out):
    return {entry["image"]: entry for entry in json.loads((out / "run.json").read_text())["images"]}


def same(tmp_path):
    return all(
        (tmp_path / "out" / f).read_bytes() == (tmp_path / "whole" / f).read_bytes() for f in FILES
    )


def test_a_tile_that_cannot_be_decoded(tmp_path, slide, other, infer, monkeypatch):
    assert infer(slide, other, out="whole")[0] == 0
    count = entries(tmp_path / "whole")["slide.tif"]["tiles"]
    content = break_tile(slide, 9 * 11 + 2)  # near the bottom
    code, said = infer(slide, other)
    assert code == 1
    assert f"{slide}: level 0 is damaged or truncated" in said.splitlines()[0]
    found = entries(tmp_path / "out")
    assert (found["slide.tif"]["status"], found["other.tif"]["status"]) == ("failed", "ok")
    assert not (tmp_path / "out" / "slide_labels.tif").exists()
    finished = len(list((tmp_path / "out").rglob("tile-*.npz")))
    assert 0 < finished < count

    slide.write_bytes(content)
    computed = []
    compute = large.segment_tile
    monkeypatch.setattr(large, "segment_tile", lambda *a: computed.append(a) or compute(*a))
    assert infer(slide, other, "--resume")[0] == 0
    assert len(computed) == count - finished
    assert same(tmp_path)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_slide(tmp_path, slide, other, infer, share):
    content = slide.read_bytes()
    slide.write_bytes(content[: int(share * len(content))])
    code, said = infer(slide, other)
    assert code in (0, 1)
    if code:  # a little may be missing of the coarser level alone
        assert f"{slide}: " in said.splitlines()[0] and "truncated" in said.splitlines()[0]
    assert entries(tmp_path / "out")["other.tif"]["status"] == "ok"
    assert code or share > 0.9


def test_a_pyramid_with_a_broken_level(tmp_path, slide, infer):
    assert infer(slide, out="whole")[0] == 0
    break_tile(slide, 0, level=1)
    code, said = infer(slide, "--level", 1)
    assert code == 1
    assert f"{slide}: level 1 is damaged or truncated" in said
    assert "take another --level" in said
    assert infer(slide, "--overwrite")[0] == 0
    assert same(tmp_path)


def test_a_full_disk(tmp_path, slide, other, infer):
    """No file may grow beyond some size, which is what a full disk or a quota looks like."""
    resource = pytest.importorskip("resource")
    assert infer(other, slide, out="whole")[0] == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        code, said = infer(other, slide)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 2
    assert len(said.splitlines()) == 1
    assert "cannot be written" in said and "check free space" in said
    out = tmp_path / "out"
    assert read_labels(out / "other_labels.tif").any()
    assert len(list(out.rglob("tile-*.npz"))) == entries(tmp_path / "whole")["slide.tif"]["tiles"]
    assert not list(out.rglob("*.part")) and not (out / "slide_labels.tif").exists()
    assert infer(other, slide, "--resume")[0] == 0
    assert same(tmp_path)


def test_a_read_only_folder(tmp_path, slide, infer, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    path_open = Path.open

    def refuse(path, mode="r", *arguments, **options):
        if out in path.parents and set(mode) & set("wax+"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return path_open(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    code, said = infer(slide)
    assert code == 2
    assert said.count("\n") == 1 and str(out) in said
    assert "Read-only file system; choose another folder with --out" in said
    assert not list(out.iterdir())
