"""TIFF and whole slides, opened lazily: metadata, levels, regions, planes."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.errors import InputError
from nucleisplit.images import PlaneChoice, open_image, read_image

RNG = np.random.default_rng(0)
STACK = RNG.integers(0, 60000, (2, 3, 4, 50, 70), dtype=np.uint16)  # T, C, Z, Y, X
RGB = RNG.integers(0, 255, (100, 130, 3), dtype=np.uint8)
REGION = (slice(17, 43), slice(30, 61))
OME = {
    "axes": "TCZYX",
    "PhysicalSizeX": 250.0,
    "PhysicalSizeXUnit": "nm",
    "PhysicalSizeY": 0.5,
    "PhysicalSizeYUnit": "µm",
    "Channel": {"Name": ["DAPI", "GFP", "RFP"]},
}


def write_pyramid(path, image, description=None, levels=3, **options):
    """Write an image and every second pixel of it, again and again, as sub-images."""
    options = {"tile": (32, 48), "photometric": "rgb", "compression": "zlib", **options}
    with tifffile.TiffWriter(path, ome=path.name.endswith(".ome.tif")) as tiff:
        tiff.write(image, subifds=levels - 1, metadata=description, **options)
        for level in range(1, levels):
            small = image[:: 2**level, :: 2**level]
            tiff.write(small, subfiletype=1, metadata=None, **options)


def write_slide(path, image, **options):
    """Write what Aperio's scanners write: the image, a thumbnail, a smaller level."""
    text = "Aperio Image Library v11.2.1\r\n130x100 (32x48) |AppMag = 20|MPP = 0.4990"
    tiled = {"tile": (32, 48), "photometric": "rgb", "metadata": None, **options}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(image, description=text, **tiled)
        tiff.write(image[::8, ::8], description=text, photometric="rgb", metadata=None)
        tiff.write(image[::4, ::4], description=text, **tiled)


@pytest.mark.parametrize(
    "options", [{}, {"tile": (16, 32)}, {"compression": "zlib", "rowsperstrip": 7}]
)
def test_ome_tiff(tmp_path, options):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, STACK, ome=True, metadata=OME, photometric="minisblack", **options)
    with open_image(path) as source:
        assert (source.axes, source.shape, source.dtype) == ("TCZYX", STACK.shape, np.uint16)
        assert source.pixel_size == (0.5, 0.25)
        assert source.channels == ("DAPI", "GFP", "RFP")
        plane = source.plane(PlaneChoice(t=1, channel="GFP", z=2))
        assert (plane.shape, plane.pixel_size) == ((50, 70), (0.5, 0.25))
        np.testing.assert_array_equal(plane.read(*REGION), STACK[1, 1, 2][REGION])
        colour = source.plane(PlaneChoice(t=0, channel="2,0,1", z="max"))
        assert colour.shape == (50, 70, 3)
        expected = np.moveaxis(STACK[0, [2, 0, 1]].max(axis=1), 0, -1)
        np.testing.assert_array_equal(colour.read(*REGION), expected[REGION])
        with pytest.raises(InputError, match=r"has 2 time points and 4 slices and 3 channels"):
            source.plane()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "tile": (32, 48)},
        {"compression": "lzw", "rowsperstrip": 9, "predictor": 2},
        {"compression": "jpeg", "compressionargs": {"level": 98}, "tile": (32, 48)},
        {"compression": "zlib", "tile": (32, 48), "byteorder": ">"},
    ],
)
def test_regions_are_those_of_the_whole_image(tmp_path, options):
    path = tmp_path / "a.tif"
    pixels = np.moveaxis(RGB, -1, 0).copy() if "planarconfig" in options else RGB
    order = options.pop("byteorder", None)
    tifffile.imwrite(path, pixels, photometric="rgb", byteorder=order, **options)
    whole = tifffile.imread(path)
    whole = np.moveaxis(whole, 0, -1) if "planarconfig" in options else whole
    with open_image(path) as source:
        plane = source.plane()
        assert plane.shape == (100, 130, 3)
        np.testing.assert_array_equal(plane.read(), whole)
        for region in (REGION, (slice(99, 100), slice(0, 130)), (slice(31, 33), slice(47, 49))):
            np.testing.assert_array_equal(plane.read(*region), whole[region])
        green = source.plane(PlaneChoice(channel="green"))
        np.testing.assert_array_equal(green.read(*REGION), whole[REGION][..., 1])
        for region in ((slice(0, 101), None), (slice(5, 5), None), (slice(0, 9, 2), None)):
            with pytest.raises(ValueError, match="is not within 0 to 100"):
                plane.read(*region)


def test_only_the_tiles_of_the_region_are_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", tile=(32, 48), compression="zlib")
    decoded = []
    with open_image(path) as source:
        page = source._store._tiff.pages[0]
        decode = page.decode
        monkeypatch.setitem(
            vars(page),
            "decode",
            lambda *given, **more: decoded.append(given[1]) or decode(*given, **more),
        )
        source.plane().read(slice(40, 60), slice(50, 100))
    assert sorted(decoded) == [4, 5]  # second row of three tiles


def test_pyramid(tmp_path):
    path = tmp_path / "a.ome.tif"
    write_pyramid(path, RGB, {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25})
    with open_image(path) as source:
        assert [(lv.height, lv.width) for lv in source.levels] == [(100, 130), (50, 65), (25, 33)]
        assert source.levels[1].pixel_size == (0.5, 0.5)
        for choice, level in (({}, 0), ({"level": 2}, 2), ({"mpp": 0.45}, 1), ({"mpp": 2}, 2)):
            plane = source.plane(PlaneChoice(**choice))
            assert plane.level == level
            part = plane.read(slice(3, 20), slice(2, 31))
            step = 2**level
            np.testing.assert_array_equal(part, RGB[::step, ::step][3:20, 2:31])
        with pytest.raises(InputError, match="has no level 3, but 3; levels are 0 to 2"):
            source.plane(PlaneChoice(level=3))
        with pytest.raises(InputError, match=r"no level near 3 um/px; its levels have 0\.25, 0\.5"):
            source.plane(PlaneChoice(mpp=3))


def test_whole_slide(tmp_path):
    path = tmp_path / "a.svs"
    write_slide(path, RGB)
    with open_image(path) as source:
        assert source.pixel_size == (0.499, 0.499)
        assert [(lv.height, lv.width) for lv in source.levels] == [(100, 130), (25, 33)]
        np.testing.assert_array_equal(source.plane().read(*REGION), RGB[REGION])
        np.testing.assert_array_equal(source.plane(PlaneChoice(mpp=2)).read(), RGB[::4, ::4])


def test_truncated_slide_gives_what_is_left_and_an_error_for_the_rest(tmp_path):
    path = tmp_path / "a.svs"
    write_slide(path, RGB)
    data = path.read_bytes()
    path.write_bytes(data[:-3000])
    with open_image(path) as source:
        np.testing.assert_array_equal(source.plane().read(*REGION), RGB[REGION])
        with pytest.raises(InputError, match=r"a\.svs: is truncated"):
            source.plane(PlaneChoice(level=1)).read()
    path.write_bytes(data[:30])
    with pytest.raises(InputError, match="is damaged or truncated"):
        open_image(path)


def test_damaged_tile_of_a_level(tmp_path):
    path = tmp_path / "a.svs"
    write_slide(path, RGB, compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        where = tiff.series[0].levels[1].pages[0].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[where : where + 20] = bytes(20)
    path.write_bytes(data)
    with open_image(path) as source:
        np.testing.assert_array_equal(source.plane().read(), RGB)
        with pytest.raises(InputError, match=r"level 1 is damaged.*; take another --level"):
            source.plane(PlaneChoice(level=1)).read()


def test_imagej_stack(tmp_path):
    path = tmp_path / "a.tif"
    metadata = {"axes": "ZYX", "unit": "um"}
    tifffile.imwrite(path, STACK[0, 0], imagej=True, metadata=metadata, resolution=(4, 2))
    with open_image(path) as source:
        assert (source.axes, source.pixel_size) == ("ZYX", (0.5, 0.25))
        plane = source.plane(PlaneChoice(z=1))
        np.testing.assert_array_equal(plane.read(*REGION), STACK[0, 0, 1][REGION])
    np.testing.assert_array_equal(read_image(path, PlaneChoice(z="max")), STACK[0, 0].max(axis=0))


@pytest.mark.parametrize(
    ("resolution", "unit", "size"),
    [
        ((40000, 20000), "CENTIMETER", (0.5, 0.25)),
        ((4000, 2000), "MILLIMETER", (0.5, 0.25)),
        ((72, 72), "INCH", None),
        (None, None, None),
    ],
)
def test_plain_resolution_is_believed_where_it_is_a_microscope_s(tmp_path, resolution, unit, size):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0, 0, 0], resolution=resolution, resolutionunit=unit)
    with open_image(path) as source:
        assert source.pixel_size == (size and pytest.approx(size))


def test_unnamed_pages_need_their_axes(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0, 0], photometric="minisblack", metadata=None)
    with pytest.raises(InputError, match="has 4 planes along an axis I"):
        read_image(path)
    np.testing.assert_array_equal(read_image(path, PlaneChoice(axes="TYX", t=3)), STACK[0, 0, 3])


def test_several_images_in_one_file(tmp_path):
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(STACK[0, 0, 0], photometric="minisblack", metadata={"PhysicalSizeX": 1.0,
                   "PhysicalSizeY": 1.0})  # fmt: skip
        tiff.write(STACK[0, 0, 0, :20], photometric="minisblack", metadata={"PhysicalSizeX": 2.0,
                   "PhysicalSizeY": 2.0})  # fmt: skip
    with pytest.raises(InputError, match=r"holds 2 images \(.*choose one with --scene N"):
        open_image(path)
    with open_image(path, PlaneChoice(scene=1)) as source:
        assert (source.shape, source.pixel_size) == ((20, 70), (2.0, 2.0))
        np.testing.assert_array_equal(source.plane().read(), STACK[0, 0, 0, :20])
    with pytest.raises(InputError, match="has no image 2; it holds 2"):
        open_image(path, PlaneChoice(scene=2))


def test_png_goes_the_same_way(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path)
    with open_image(path) as source:
        assert (source.axes, source.pixel_size, len(source.levels)) == ("YXS", None, 1)
        np.testing.assert_array_equal(source.plane().read(*REGION), RGB[REGION])
        with pytest.raises(InputError, match="does not say its pixel size; use --level"):
            source.plane(PlaneChoice(mpp=0.5))
    with pytest.raises(InputError, match="has no image 1"):
        read_image(path, PlaneChoice(scene=1))


def test_named_axes_say_what_rows_and_columns_are(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0, 0], photometric="minisblack", metadata=None)
    choice = PlaneChoice(axes="YXC", channel=9)
    with open_image(path) as source:
        plane = source.plane(choice)
        assert plane.shape == (4, 50)
        np.testing.assert_array_equal(plane.read(), STACK[0, 0, :, :, 9])
        np.testing.assert_array_equal(plane.read(slice(1, 3)), STACK[0, 0, 1:3, :, 9])
