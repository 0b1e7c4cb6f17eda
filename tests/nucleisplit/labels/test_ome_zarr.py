"""Labels as OME-Zarr: what is in the folder, bands, replacing, reading back."""

import json

import numpy as np
import pytest
import zarr

from nucleisplit.errors import InputError, OutputError
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.labels import ome_zarr_groups as zarr_labels
from nucleisplit.labels import read_labels, write_ome_zarr
from nucleisplit.labels.ome_zarr_pyramid import label_pyramid

RNG = np.random.default_rng(0)
LABELS = np.kron(RNG.integers(0, 4, (10, 13)), np.ones((5, 5), int))[:47, :61].astype(np.uint32)
LABELS[20:, 20:] = 70_000


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(zarr_labels, "CHUNK", 16)


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_levels_are_every_second_pixel_with_metadata_of_version_0_4(tmp_path, small_chunks):
    path = tmp_path / "a.ome.zarr"
    write_ome_zarr(path, LABELS, pixel_size=(0.5, 0.25))
    root = zarr.open_group(str(path), mode="r")
    assert root["labels"].attrs["labels"] == ["nuclei"]
    nuclei = root["labels/nuclei"]
    assert nuclei.attrs["image-label"] == {"version": "0.4"}
    (scales,) = nuclei.attrs["multiscales"]
    assert scales["version"] == "0.4"
    assert scales["axes"] == [
        {"name": name, "type": "space", "unit": "micrometer"} for name in ("y", "x")
    ]
    assert [each["path"] for each in scales["datasets"]] == ["0", "1", "2"]
    for number, each in enumerate(scales["datasets"]):
        step = 2**number
        scale = [0.5 * step, 0.25 * step]
        assert each["coordinateTransformations"] == [{"type": "scale", "scale": scale}]
        array = nuclei[each["path"]]
        assert (array.dtype, array.chunks, array.fill_value) == (
            np.uint32,
            tuple(min(16, n) for n in array.shape),
            0,
        )
        np.testing.assert_array_equal(array[...], LABELS[::step, ::step])
        stored = json.loads((path / "labels/nuclei" / each["path"] / ".zarray").read_text())
        assert (stored["zarr_format"], stored["dimension_separator"]) == (2, "/")


@pytest.mark.parametrize("heights", [[47], [10] * 4 + [7], [16, 16, 15], [1] * 47, [33, 14]])
def test_bands_of_any_height_give_the_same_bytes(tmp_path, small_chunks, heights):
    write_ome_zarr(tmp_path / "whole.ome.zarr", LABELS)
    with label_pyramid(tmp_path / "bands.ome.zarr", LABELS.shape) as add:
        for band in np.split(LABELS, np.cumsum(heights)[:-1]):
            add(band)
    assert files(tmp_path / "bands.ome.zarr") == files(tmp_path / "whole.ome.zarr")


def test_no_more_than_a_row_of_chunks_is_kept(tmp_path, small_chunks):
    with label_pyramid(tmp_path / "a.ome.zarr", (10_000, 8)) as add:
        level = add.__self__
        for _ in range(625):
            add(np.ones((16, 8), np.uint32))
            kept, each = 0, level
            while each is not None:
                kept += 0 if each._waiting is None else len(each._waiting)
                each = each._coarser
            assert kept < 16 * 10


def test_background_takes_no_room(tmp_path, small_chunks):
    write_ome_zarr(tmp_path / "a.ome.zarr", np.zeros((40, 40), np.uint8))
    assert all(name.rpartition("/")[2][0] == "." for name in files(tmp_path / "a.ome.zarr"))
    assert not read_labels(tmp_path / "a.ome.zarr").any()


def test_what_is_written_is_read(tmp_path, small_chunks):
    path = tmp_path / "a.ome.zarr"
    write_ome_zarr(path, LABELS, pixel_size=0.5)
    np.testing.assert_array_equal(read_labels(path), LABELS)
    np.testing.assert_array_equal(read_labels(path / "labels" / "nuclei"), LABELS)
    with open_image(path) as source:
        assert (source.axes, source.pixel_size, len(source.levels)) == ("YX", (0.5, 0.5), 3)
        half = source.plane(PlaneChoice(level=1)).read()
    np.testing.assert_array_equal(half, LABELS[::2, ::2])
    zarr.open_group(str(path), mode="a")["labels"].create_group("cells")
    with pytest.raises(InputError, match=r"holds no image and 2 label images \(cells, nuclei\)"):
        read_labels(path)


def test_only_labels_are_replaced(tmp_path):
    path = tmp_path / "a.ome.zarr"
    write_ome_zarr(path, LABELS)
    with pytest.raises(OutputError, match=r"a\.ome\.zarr: is not empty; use --overwrite"):
        write_ome_zarr(path, LABELS + 1)
    write_ome_zarr(path, LABELS + 1, overwrite=True)
    np.testing.assert_array_equal(read_labels(path), LABELS + 1)
    (path / "0").mkdir()
    with pytest.raises(OutputError, match="holds more than labels; choose another name"):
        write_ome_zarr(path, LABELS, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]


def test_a_failure_leaves_what_was_there(tmp_path, small_chunks):
    path = tmp_path / "a.ome.zarr"
    write_ome_zarr(path, LABELS)
    before = files(path)
    with (
        pytest.raises(OutputError, match="cannot be written"),
        label_pyramid(path, LABELS.shape, overwrite=True) as add,
    ):
        add(LABELS[:32])
        raise OSError(28, "No space left on device")
    assert files(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]


@pytest.mark.parametrize("size", [0, -1, np.nan, (1, np.inf)])
def test_a_pixel_has_a_size(tmp_path, size):
    with pytest.raises(ValueError, match="pixel_size must be positive"):
        write_ome_zarr(tmp_path / "a.ome.zarr", LABELS, pixel_size=size)
    assert not list(tmp_path.iterdir())
