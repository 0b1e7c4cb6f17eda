"""Whole stacks of a file: which slices, how far apart, read one by one."""

import numpy as np
import pytest
import tifffile
import zarr

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import PlaneChoice, open_image

STACK = np.random.default_rng(0).integers(0, 60000, (2, 3, 4, 30, 40), dtype=np.uint16)  # TCZYX
OME = {
    "axes": "TCZYX",
    "PhysicalSizeX": 250.0,
    "PhysicalSizeXUnit": "nm",
    "PhysicalSizeY": 0.5,
    "PhysicalSizeZ": 2.0,
    "Channel": {"Name": ["DAPI", "GFP", "RFP"]},
}


@pytest.fixture
def ome(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, STACK, ome=True, metadata=OME, photometric="minisblack")
    return path


@pytest.mark.parametrize("z", [None, "3d", "each", 2])
def test_all_slices_of_one_channel(ome, z):
    with open_image(ome) as source:
        assert source.z_step == 2
        stack = source.stack(PlaneChoice(t=1, channel="GFP", z=z))
        assert (stack.shape, stack.dtype) == ((4, 30, 40), np.uint16)
        assert stack.voxel_size == (2.0, 0.5, 0.25)
        np.testing.assert_array_equal(stack.read(), STACK[1, 1])
        np.testing.assert_array_equal(stack.planes[2].read(slice(3, 9)), STACK[1, 1, 2, 3:9])


def test_colours(ome):
    with open_image(ome) as source:
        stack = source.stack(PlaneChoice(t=0, channel="2,0,1"))
        np.testing.assert_array_equal(stack.read(), np.moveaxis(STACK[0, [2, 0, 1]], 0, -1))


def test_what_is_not_said_is_asked_for(ome):
    with open_image(ome) as source:
        with pytest.raises(InputError, match=r"has 2 time points and 3 channels .DAPI, GFP, RFP."):
            source.stack()
        with pytest.raises(InputError, match="3d is no plane; give --z max or one slice"):
            source.plane(PlaneChoice(t=0, channel="0", z="3d"))


def test_imagej_says_the_spacing(tmp_path):
    path = tmp_path / "a.tif"
    about = {"axes": "ZYX", "spacing": 0.8, "unit": "um"}
    tifffile.imwrite(path, STACK[0, 0], imagej=True, resolution=(4, 2), metadata=about)
    with open_image(path) as source:
        assert source.stack().voxel_size == pytest.approx((0.8, 0.5, 0.25))


def test_an_image_is_a_stack_of_one_slice(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0, 0, 0])
    with open_image(path) as source:
        stack = source.stack()
        assert (stack.shape, stack.voxel_size) == ((1, 30, 40), None)
        np.testing.assert_array_equal(stack.read()[0], STACK[0, 0, 0])


def test_zarr_says_the_scale_and_coarser_levels_may_have_fewer_slices(tmp_path):
    options = {} if zarr.__version__[0] == "2" else {"zarr_format": 2}
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", **options)
    datasets = []
    for level in range(2):
        pixels = STACK[0, 0][:: 2**level, :: 2**level, :: 2**level]
        group[str(level)] = pixels
        scale = [2.0 * 2**level, 0.5 * 2**level, 0.5 * 2**level]
        change = {"type": "scale", "scale": scale}
        datasets.append({"path": str(level), "coordinateTransformations": [change]})
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    group.attrs["multiscales"] = [{"axes": axes, "datasets": datasets, "version": "0.4"}]
    with open_image(tmp_path / "a.zarr") as source:
        assert source.stack().voxel_size == (2, 0.5, 0.5)
        coarse = source.stack(PlaneChoice(level=1))
        assert (coarse.shape, coarse.voxel_size) == ((2, 15, 20), (4, 1, 1))
        np.testing.assert_array_equal(coarse.read(), STACK[0, 0, ::2, ::2, ::2])


def test_damage_is_told_by_name(tmp_path):
    path = tmp_path / "a.tif"
    pixels = STACK[0, 0].astype(np.float32)
    pixels[2, 5, 5] = np.nan
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": "ZYX"})
    with open_image(path) as source, pytest.raises(InputError, match="a.tif: holds 1 NaN"):
        source.stack(PlaneChoice(axes="ZYX")).read()


@pytest.mark.parametrize("z", ["all", "3D", -1])
def test_other_words_are_refused(z):
    with pytest.raises(ConfigError, match="give the number of a slice, or max, each, 3d"):
        PlaneChoice(z=z)
