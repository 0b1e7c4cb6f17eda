"""Labels as OME-Zarr: what is in the folder, bands, replacing, reading back."""

import json

import numpy as np
import pytest
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from PIL import Image

from nucleisplit.errors import InputError, InputWarning, OutputError
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.labels import LabelStream, read_labels, write_ome_zarr
from nucleisplit.labels import ome_zarr_groups as zarr_labels
from nucleisplit.labels.ome_zarr_pyramid import Level, Pyramid, halved
from tests.strategies.zarrs import VERSIONS

RNG = np.random.default_rng(0)
LABELS = np.kron(RNG.integers(0, 4, (10, 13)), np.ones((5, 5), int))[:47, :61].astype(np.uint32)
LABELS[20:, 20:] = 70_000


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(zarr_labels, "CHUNK", 16)


def files(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def stream(*bands):
    shape = sum(map(len, bands)), bands[0].shape[1]
    return LabelStream(shape, int(LABELS.max()), lambda: bands, list)


@pytest.mark.parametrize("version", ["0.4", "0.5"][: len(VERSIONS)])
def test_levels_are_every_second_pixel_with_metadata(tmp_path, small_chunks, version):
    path, old = tmp_path / "a.ome.zarr", version == "0.4"
    write_ome_zarr(path, LABELS, pixel_size=(0.5, 0.25), version=version)
    root = zarr.open_group(str(path), mode="r")
    nuclei = root["labels/nuclei"]
    about = [dict(node.attrs) for node in (root["labels"], nuclei)]
    if not old:
        about = [each["ome"] for each in about]
        assert [each["version"] for each in about] == ["0.5", "0.5"]
    assert about[0]["labels"] == ["nuclei"]
    assert about[1]["image-label"] == ({"version": "0.4"} if old else {})
    (scales,) = about[1]["multiscales"]
    assert scales.get("version") == ("0.4" if old else None)
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
        folder = path / "labels/nuclei" / each["path"]
        stored = json.loads((folder / (".zarray" if old else "zarr.json")).read_text())
        if old:
            assert (stored["zarr_format"], stored["dimension_separator"]) == (2, "/")
        else:
            assert (stored["zarr_format"], stored["dimension_names"]) == (3, ["y", "x"])


@pytest.mark.parametrize("heights", [[47], [10] * 4 + [7], [16, 16, 15], [1] * 47, [33, 14]])
def test_bands_of_any_height_give_the_same_bytes(tmp_path, small_chunks, heights):
    write_ome_zarr(tmp_path / "whole.ome.zarr", LABELS)
    bands = stream(*np.split(LABELS, np.cumsum(heights)[:-1]))
    write_ome_zarr(tmp_path / "bands.ome.zarr", bands)
    assert files(tmp_path / "bands.ome.zarr") == files(tmp_path / "whole.ome.zarr")


def test_no_more_than_a_row_of_chunks_is_kept(tmp_path, small_chunks):
    places = halved((10_000, 8))
    pyramid = Pyramid([Level(np.zeros((len(rows), len(c))), rows, c) for rows, c in places])
    for _ in range(625):
        pyramid.add(np.ones((16, 8), np.uint32))
        assert all(level._waiting is None or len(level._waiting) < 16 for level in pyramid.levels)
    assert all(level._array.all() for level in pyramid.levels)


def test_background_takes_no_room(tmp_path, small_chunks):
    write_ome_zarr(tmp_path / "a.ome.zarr", np.zeros((40, 40), np.uint8))
    names = {name.rpartition("/")[2] for name in files(tmp_path / "a.ome.zarr")}
    assert names <= {"zarr.json", ".zgroup", ".zattrs", ".zarray"}
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

    def bands():
        yield LABELS[:32]
        raise OSError(28, "No space left on device")

    broken = LabelStream(LABELS.shape, 1, bands, list)
    with pytest.raises(OutputError, match="cannot be written"):
        write_ome_zarr(path, broken, overwrite=True)
    assert files(path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.ome.zarr"]


@pytest.mark.parametrize("size", [0, -1, np.nan, (1, np.inf)])
def test_a_pixel_has_a_size(tmp_path, size):
    with pytest.raises(ValueError, match="pixel_size must be positive"):
        write_ome_zarr(tmp_path / "a.ome.zarr", LABELS, pixel_size=size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("version", ["0.4", "0.5"][: len(VERSIONS)])
def test_the_image_is_copied_along(tmp_path, small_chunks, version):
    rgb = RNG.integers(0, 255, (47, 61, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    path = tmp_path / "a.ome.zarr"
    with open_image(tmp_path / "a.png") as source:
        for overwrite in (False, True):  # what we have written ourselves is replaced
            write_ome_zarr(
                path, LABELS, None, overwrite, pixel_size=0.5, image=source.plane(), version=version
            )
    with open_image(path) as source:
        assert (source.axes, source.pixel_size) == ("CYX", (0.5, 0.5))
        assert source.channels == ("red", "green", "blue")
        assert [level.height for level in source.levels] == [47, 24, 12]
        copied = source.plane(PlaneChoice(channel="0,1,2")).read()
        half = source.plane(PlaneChoice(channel=1, level=1)).read()
    np.testing.assert_array_equal(copied, rgb)
    assert half[0, 0] == np.rint(rgb[:2, :2, 1].mean())
    assert half[23, 30] == rgb[46, 60, 1]  # the corner stands alone
    np.testing.assert_array_equal(read_labels(path / "labels" / "nuclei"), LABELS)
    nodes = list(Reader(parse_url(path))())
    assert [np.asarray(node.data[0]).shape for node in nodes[:1]] == [(3, 47, 61)]
    assert any("labels" in str(node.zarr) for node in nodes)


def test_zarr_2_writes_the_old_version_and_says_so(monkeypatch):
    monkeypatch.setattr(zarr, "__version__", "2.18.7")
    zarr_labels.newest.cache_clear()
    with pytest.warns(InputWarning, match=r"OME-Zarr 0\.4 is written: 0\.5 needs zarr 3"):
        assert zarr_labels.newest() == "0.4"
    zarr_labels.newest.cache_clear()
