"""Finished tiles on the disk: what is lost or damaged there is computed again."""

import shutil

import numpy as np
import pytest

from nucleisplit.tiled import TileStore, large, segment_large

FILES = ("labels.tif", "nuclei.csv")


@pytest.fixture
def run(tmp_path, plane, segmenter, monkeypatch):
    """Segment the field, and count the tiles that are computed."""
    computed = []
    compute = large.segment_tile

    def count(plane, tile, *more):
        computed.append(tile)
        return compute(plane, tile, *more)

    monkeypatch.setattr(large, "segment_tile", count)

    def run(name="run", plane=plane, stamp=(), **options):
        computed.clear()
        tile_store = TileStore(tmp_path / name / "tiles", {}, stamp)
        segment_large(
            plane, segmenter(400), tile_store, *[tmp_path / name / f for f in FILES], **options
        )
        return len(computed)

    return run


def same(tmp_path, first="whole", second="run"):
    return all(
        (tmp_path / first / f).read_bytes() == (tmp_path / second / f).read_bytes() for f in FILES
    )


def test_damaged_and_missing_tiles_are_computed_again(tmp_path, run):
    count = run("whole")
    shutil.copytree(tmp_path / "whole" / "tiles", tmp_path / "run" / "tiles")
    tiles = sorted((tmp_path / "run" / "tiles").glob("tile-*.npz"))
    assert len(tiles) == count > 5
    content = tiles[0].read_bytes()
    tiles[0].write_bytes(content[: len(content) // 2])
    tiles[1].write_bytes(b"")
    content = tiles[2].read_bytes()
    tiles[2].write_bytes(content[:3000] + bytes(1000) + content[4000:])
    np.savez(tiles[3], runs=np.zeros((0, 4)))
    tiles[4].unlink()
    assert run() == 5
    assert same(tmp_path)
    assert run() == 0


def test_a_folder_that_vanishes_at_the_end(tmp_path, run):
    count = run("whole")

    def remove(share):
        if share == 1:
            shutil.rmtree(tmp_path / "run" / "tiles")

    assert run(progress=remove) == 2 * count
    assert same(tmp_path)


class Changed:
    """A plane with other pixels somewhere."""

    def __init__(self, plane, place):
        self.plane, self.place = plane, place
        self.shape, self.dtype, self.pixel_size = plane.shape, plane.dtype, plane.pixel_size

    def read(self, rows=slice(None), columns=slice(None)):
        pixels = self.plane.read(slice(None), slice(None)).copy()
        pixels[self.place] += 1
        return pixels[rows, columns]


@pytest.mark.parametrize("seen", [False, True])
def test_a_file_that_has_changed(tmp_path, run, plane, monkeypatch, seen):
    """Only tiles with other pixels are computed again, unless the image looks different at all."""
    monkeypatch.setattr("nucleisplit.tiled.survey.SIDE", 128)
    monkeypatch.setattr("nucleisplit.tiled.survey.GLANCES", 3)
    sampled = (slice(0, 100), slice(0, 100))  # where the survey looks first
    changed = Changed(plane, sampled if seen else (slice(640, 641), slice(5, 6)))
    count = run("whole", changed, stamp=[2])
    assert run(stamp=[1]) == count
    again = run(plane=changed, stamp=[2])
    assert again == count if seen else 0 < again < count, (again, count)
    assert same(tmp_path)
    assert run(plane=changed, stamp=[2]) == 0
