from itertools import groupby

import numpy as np
import pandas as pd
import pytest

from nucleisplit.errors import InputError, OutputError
from nucleisplit.images import read_image
from nucleisplit.labels import read_labels
from nucleisplit.measure import measure
from nucleisplit.model.ensemble import Ensemble
from nucleisplit.tiled import TileStore, is_large, large, segment_large
from stage2_trees import best_iou, overlap_table


@pytest.fixture
def run(tmp_path, plane, segmenter):
    """Segment the field in tiles of some size: the result, its labels and its table."""

    def run(tile, plane=plane, name="run", cut=None, **options):
        tile_store = TileStore(tmp_path / name / "tiles", {"tile": tile})
        files = [tmp_path / name / file for file in ("labels.tif", "nuclei.csv", "overlay.png")]
        maker = segmenter(tile, **(cut or {}))
        result = segment_large(plane, maker, tile_store, *files, name="field", **options)
        return result, read_labels(files[0]), pd.read_csv(files[1])

    return run


@pytest.fixture
def whole(run):
    return run(2048, name="whole")


@pytest.mark.parametrize("tile", [256, 320, 500])
def test_tiles_do_not_show(run, whole, tile):
    result, labels, _ = run(tile)
    expected, truth, _ = whole
    assert expected.tiles == 1 and result.tiles > 4
    table = overlap_table(truth, labels)
    iou = best_iou(table)[0][table.labels_a]
    assert len(iou) == expected.nuclei > 300
    assert (iou > 0.95).mean() > 0.99
    assert abs(result.nuclei - expected.nuclei) <= 0.01 * expected.nuclei
    assert result.predicted_map == pytest.approx(expected.predicted_map, abs=0.02)
    assert (result.diameter, result.scale) == (expected.diameter, expected.scale)


@pytest.mark.parametrize("sensitivity", [-0.5, 1])
def test_a_sensitivity_is_that_of_the_whole_image(run, whole, sensitivity):
    cut = {"sensitivity": sensitivity}
    result, labels, _ = run(320, cut=cut)
    expected, truth, _ = run(2048, name="lenient", cut=cut)
    assert np.sign(expected.nuclei - whole[0].nuclei) == np.sign(sensitivity)
    assert abs(result.nuclei - expected.nuclei) <= 0.02 * expected.nuclei
    table = overlap_table(truth, labels)
    assert (best_iou(table)[0][table.labels_a] > 0.95).mean() > 0.97


def test_the_table_is_that_of_the_labels(run, field):
    result, labels, table = run(256)
    assert labels.max() == result.nuclei == len(table)
    assert (np.unique(labels) == np.arange(result.nuclei + 1)).all()
    again = measure(labels, read_image(field), table["predicted_iou"], table["threshold"])
    assert table.pop("image").unique().tolist() == ["field"]
    pd.testing.assert_frame_equal(table, again, check_dtype=False, rtol=1e-4)


def test_networks_give_their_memory_back_before_tiles_are_put_together(run, monkeypatch):
    done = []

    def noted(function):
        def call(*args, **options):
            done.append(function.__name__)
            return function(*args, **options)

        return call

    for owner, name in ((Ensemble, "predict_at"), (Ensemble, "release"), (large, "assemble")):
        monkeypatch.setattr(owner, name, noted(getattr(owner, name)))
    run(500)
    assert [name for name, _ in groupby(done)] == ["predict_at", "release", "assemble"]


def test_no_nucleus_is_cut_at_a_seam(run, whole):
    _, labels, _ = run(256)
    _, truth, _ = whole
    for axis in (0, 1):
        sides = np.diff(np.swapaxes(labels, 0, axis) > 0, axis=0).mean(axis=1)
        before = np.diff(np.swapaxes(truth, 0, axis) > 0, axis=0).mean(axis=1)
        assert np.abs(sides - before).max() < 0.02


def test_empty_tiles_are_skipped(run):
    result, labels, _ = run(256)
    assert 0 < result.blank < result.tiles
    assert not labels[:300, 600:].any()


def test_a_field_of_nothing(run, plane):
    class Flat:
        shape, dtype, pixel_size = (600, 600), np.dtype(np.uint8), None

        def read(self, rows, columns):
            return np.full((rows.stop - rows.start, columns.stop - columns.start), 7, np.uint8)

    result, labels, table = run(256, plane=Flat())
    assert (result.nuclei, result.predicted_map, result.doubtful) == (0, 0, True)
    assert result.blank == result.tiles
    assert not labels.any() and len(table) == 0


class Broken:
    """A plane of which one place cannot be read, until it is mended."""

    def __init__(self, plane, row, column):
        self.plane, self.place = plane, (row, column)
        self.shape, self.dtype, self.pixel_size = plane.shape, plane.dtype, plane.pixel_size
        self.reads = 0

    def read(self, rows, columns):
        self.reads += 1
        if self.place and all(
            p in range(s.start, s.stop) for p, s in zip(self.place, (rows, columns), strict=True)
        ):
            raise InputError("field.tif: is damaged")
        return self.plane.read(rows, columns)


def test_finished_tiles_are_not_computed_again(run, plane, tmp_path):
    broken = Broken(plane, 699, 899)
    broken.place = None
    steps = []
    expected = run(256, plane=broken, name="undisturbed", progress=steps.append)
    all_reads, n = broken.reads, expected[0].tiles
    assert sorted(set(steps)) == pytest.approx([i / n for i in range(n + 1)])
    assert steps == sorted(steps)

    survey_reads = all_reads - n  # nearly: nuclei trimmed at seams are read again
    broken.reads = 0

    def stop(share):
        if share > (n - 2.5) / n:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(256, plane=broken, progress=stop)
    assert len(list((tmp_path / "run" / "tiles").glob("tile-*.npz"))) == n - 2
    assert not (tmp_path / "run" / "labels.tif").exists()
    broken.reads = 0
    run(256, plane=broken)
    assert broken.reads <= 2 + survey_reads
    for file in ("labels.tif", "nuclei.csv", "overlay.png"):
        first, second = (tmp_path / name / file for name in ("undisturbed", "run"))
        assert first.read_bytes() == second.read_bytes()


def test_a_tile_that_cannot_be_read_loses_no_other(run, plane, tmp_path):
    broken = Broken(plane, 699, 10)
    broken.place = None

    def damage(share):
        if share:
            broken.place = (699, 10)

    with pytest.raises(InputError, match="field.tif: is damaged"):
        run(256, plane=broken, progress=damage)
    assert len(list((tmp_path / "run" / "tiles").glob("tile-*.npz"))) >= 4


def test_tiles_of_another_task_are_not_used(tmp_path, plane, segmenter):
    files = [tmp_path / name for name in ("labels.tif", "nuclei.csv")]
    segment_large(plane, segmenter(500), TileStore(tmp_path / "tiles", {"a": 1}), *files)
    assert TileStore(tmp_path / "tiles", {"a": 1}).open() is not None
    assert TileStore(tmp_path / "tiles", {"a": 2}).open() is None
    assert not (tmp_path / "tiles").exists()


def test_a_folder_that_cannot_be_written(plane, segmenter, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        segment_large(
            plane,
            segmenter(500),
            TileStore(tmp_path / "file" / "tiles", {}),
            tmp_path / "labels.tif",
            tmp_path / "nuclei.csv",
        )


def test_what_is_large():
    assert [is_large((2**11, 2**12)), is_large((2**11, 2**12 + 1))] == [False, True]
    assert [is_large((512, 5), 512), is_large((5, 513, 3), 512)] == [False, True]
