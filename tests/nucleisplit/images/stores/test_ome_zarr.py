"""OME-Zarr 0.4 and 0.5: metadata, levels, regions, and what can be wrong with them."""

import shutil

import numpy as np
import pytest
import zarr

from nucleisplit.errors import InputError
from nucleisplit.images import PlaneChoice, find_images, open_image, read_image
from nucleisplit.labels import read_labels
from tests.strategies.zarrs import make_array

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (2, 3, 40, 60), dtype=np.uint16)  # C, Z, Y, X
VERSIONS = [v for v in ("0.4", "0.5") if v == "0.4" or zarr.__version__[0] > "2"]


def put(group, name, array, version):
    if zarr.__version__[0] == "2":
        group.create_dataset(name, data=array, chunks=(1, 1, 16, 32)[-array.ndim :])
    else:
        made = group.create_array(
            name, shape=array.shape, dtype=array.dtype, chunks=(1, 1, 16, 32)[-array.ndim :]
        )
        made[...] = array


def make_group(path, version):
    if zarr.__version__[0] == "2":
        return zarr.open_group(str(path), mode="w")
    return zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)


def write(path, stack=STACK, version="0.5", axes="czyx", unit="micrometer", group=None):
    """Write two levels, the second of every other row and column."""
    group = make_group(path, version) if group is None else group
    kinds = {"c": "channel", "t": "time"}
    described = [{"name": a, "type": kinds.get(a, "space")} for a in axes]
    for axis in described:
        if axis["type"] == "space" and unit:
            axis["unit"] = unit
    datasets = []
    for level in range(2):
        put(group, str(level), stack[..., :: 2**level, :: 2**level], version)
        scale = [1.0] * (stack.ndim - 2) + [0.5 * 2**level, 0.25 * 2**level]
        change = {"type": "scale", "scale": scale}
        datasets.append({"path": str(level), "coordinateTransformations": [change]})
    meta = {
        "multiscales": [{"axes": described, "datasets": datasets, "version": version}],
        "omero": {"channels": [{"label": "DAPI"}, {"label": "GFP"}]},
    }
    group.attrs.update(meta if version == "0.4" else {"ome": {"version": version, **meta}})
    return path


@pytest.mark.parametrize("version", VERSIONS)
def test_levels_regions_and_metadata(tmp_path, version):
    path = write(tmp_path / "a.ome.zarr", version=version)
    with open_image(path) as source:
        assert (source.axes, source.shape, source.dtype) == ("CZYX", STACK.shape, np.uint16)
        assert (source.pixel_size, source.channels) == ((0.5, 0.25), ("DAPI", "GFP"))
        assert [(lv.height, lv.width) for lv in source.levels] == [(40, 60), (20, 30)]
        plane = source.plane(PlaneChoice(channel="GFP", z=2))
        region = (slice(10, 33), slice(20, 51))
        np.testing.assert_array_equal(plane.read(*region), STACK[1, 2][region])
        half = source.plane(PlaneChoice(channel=0, z="max", mpp=1))
        assert (half.level, half.pixel_size, half.shape) == (1, (1.0, 0.5), (20, 30))
        expected = STACK[0, :, ::2, ::2].max(axis=0)
        np.testing.assert_array_equal(half.read(slice(3, 9), slice(0, 30)), expected[3:9])
        with pytest.raises(InputError, match=r"has 3 slices and 2 channels \(DAPI, GFP\)"):
            source.plane()


def test_only_the_chunks_of_the_region_are_read(tmp_path):
    path = write(tmp_path / "a.zarr", STACK[0, 0], version="0.4", axes="yx")
    (path / "0" / "2.1").write_bytes(b"damaged")  # rows from 32, columns from 32
    with open_image(path) as source:
        plane = source.plane()
        np.testing.assert_array_equal(plane.read(slice(0, 32)), STACK[0, 0, :32])
        with pytest.raises(InputError, match=r"a\.zarr: level 0 is damaged.*take another --level"):
            plane.read()


def test_missing_level(tmp_path):
    path = write(tmp_path / "a.zarr", STACK[0, 0], version="0.4", axes="yx", unit=None)
    shutil.rmtree(path / "1")
    with open_image(path) as source:
        assert source.pixel_size is None
        np.testing.assert_array_equal(source.plane().read(), STACK[0, 0])
        with pytest.raises(InputError, match=r"level 1 is broken \(cannot be read\)"):
            source.plane(PlaneChoice(level=1))
    shutil.rmtree(path / "0")
    with pytest.raises(InputError, match="has no level that can be read"):
        open_image(path)


def test_coarsest_level_stays_when_the_finest_is_lost(tmp_path):
    path = write(tmp_path / "a.zarr", STACK[0, 0], version="0.4", axes="yx")
    shutil.rmtree(path / "0")
    with pytest.raises(InputError, match="level 0 is broken"):
        read_image(path)
    half = read_image(path, PlaneChoice(level=1))
    np.testing.assert_array_equal(half, STACK[0, 0, ::2, ::2])


def test_axes_that_are_named_twice_or_too_few(tmp_path):
    write(tmp_path / "a.zarr", STACK, axes="zzyx")
    with pytest.raises(InputError, match=r"a\.zarr: has two axes Z \(axes ZZYX, shape 2x3x40x60"):
        read_image(tmp_path / "a.zarr", PlaneChoice(z=1))
    choice = PlaneChoice(axes="CZYX", channel=1, z=2)
    np.testing.assert_array_equal(read_image(tmp_path / "a.zarr", choice), STACK[1, 2])
    for axes in ("", "x"):
        group = make_group(tmp_path / "b.zarr", "0.4")
        make_array(group, (5,) * len(axes), (5,) * len(axes), name="0")
        scales = {"axes": list(axes), "datasets": [{"path": "0"}], "version": "0.4"}
        group.attrs["multiscales"] = [scales]
        with pytest.raises(InputError, match=r"b\.zarr: has no rows and columns \(shape \("):
            open_image(tmp_path / "b.zarr")


def test_several_images_and_plates(tmp_path):
    group = make_group(tmp_path / "a.zarr", "0.4")
    group.attrs["bioformats2raw.layout"] = 3
    for number in range(2):
        image = STACK[0, number]
        write(None, image, version="0.4", axes="yx", group=group.create_group(str(number)))
    with pytest.raises(InputError, match="holds 2 images"):
        open_image(tmp_path / "a.zarr")
    second = read_image(tmp_path / "a.zarr", PlaneChoice(scene=1))
    np.testing.assert_array_equal(second, STACK[0, 1])

    plate = make_group(tmp_path / "p.zarr", "0.4")
    plate.attrs["plate"] = {"wells": []}
    with pytest.raises(InputError, match="is a plate of many fields; name one"):
        open_image(tmp_path / "p.zarr")
    make_group(tmp_path / "e.zarr", "0.4").attrs["x"] = 1
    with pytest.raises(InputError, match="holds no multiscale image"):
        open_image(tmp_path / "e.zarr")


def test_metadata_that_are_no_json(tmp_path):
    path = write(tmp_path / "a.zarr", STACK[0, 0], version="0.4", axes="yx")
    (path / ".zattrs").write_text("{")
    with pytest.raises(InputError, match=r"a\.zarr: is damaged or truncated"):
        open_image(path)


def test_long_quotations_are_cut(tmp_path):
    write(tmp_path / "a.zarr", version="0.4")
    (tmp_path / "a.zarr" / ".zgroup").write_text('{"zarr_format": "' + "9" * 5000 + '"}')
    with pytest.raises(InputError, match=r"a\.zarr: ") as caught:
        open_image(tmp_path / "a.zarr")
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_a_folder_of_zarrs_holds_one_image_each(tmp_path):
    one = write(tmp_path / "b2.zarr", STACK[0, 0], version="0.4", axes="yx")
    two = write(tmp_path / "b10.zarr", STACK[0, 1], version="0.4", axes="yx")
    (tmp_path / "c.zarr").mkdir()  # not one
    assert find_images([tmp_path]) == [one, two]
    assert find_images([one]) == [one]
    assert find_images([str(tmp_path / "*.zarr")]) == [one, two]


def test_plain_array_and_labels(tmp_path):
    labels = np.arange(12, dtype=np.int64).reshape(3, 4)
    zarr.save_array(str(tmp_path / "a.zarr"), labels)
    read = read_labels(tmp_path / "a.zarr")
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize("inside", ["", "a.zarr"])
@pytest.mark.parametrize("version", VERSIONS)
def test_zipped(tmp_path, inside, version):
    write(tmp_path / "x" / inside, STACK[0, 0], version=version, axes="yx")
    shutil.make_archive(tmp_path / "a.zarr", "zip", tmp_path / "x")
    with open_image(tmp_path / "a.zarr.zip") as source:
        plane = source.plane()
        np.testing.assert_array_equal(plane.read(), STACK[0, 0])
        assert plane.missing_chunks() == 0
        assert source.pixel_size == (0.5, 0.25)
    (tmp_path / "b.zarr.zip").write_bytes((tmp_path / "a.zarr.zip").read_bytes()[:-30])
    with pytest.raises(InputError, match=r"b\.zarr\.zip: is damaged or truncated"):
        open_image(tmp_path / "b.zarr.zip")
