"""Files that end too early or whose pixels are not what was written: refused, never half read."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.errors import InputError
from nucleisplit.images import PlaneChoice, open_image, read_image
from tests.strategies.zarrs import VERSIONS, make_array

STACK = np.random.default_rng(0).integers(0, 60000, (5, 40, 50), dtype=np.uint16)
RGB = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
STACKS = {
    "ome": {"ome": True, "metadata": {"axes": "ZYX"}},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "plain": {"metadata": None},
    "shaped": {"metadata": {"axes": "ZYX"}},
    "lzw": {"ome": True, "metadata": {"axes": "ZYX"}, "compression": "lzw"},
    "pages of lzw": {"metadata": None, "compression": "lzw"},
    "big": {"ome": True, "metadata": {"axes": "ZYX"}, "bigtiff": True},
}


@pytest.mark.parametrize("options", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_stack_cut_short(tmp_path, options, share):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", **options)
    choice = PlaneChoice(z="max", axes="ZYX")
    np.testing.assert_array_equal(read_image(path, choice), STACK.max(axis=0))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"a\.tif: .*truncated"):
        read_image(path, choice)


def test_pages_that_return(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        place, first = tiff.pages[4].offset + 2 + 12 * len(tiff.pages[4].tags), tiff.pages[1].offset
    data[place : place + 4] = struct.pack("<I", first)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"is damaged \(the list of its pages returns to page 5"):
        open_image(path)


@pytest.mark.parametrize("kind", [{"tile": (32, 48)}, {"rowsperstrip": 16}])
@pytest.mark.parametrize("codec", ["jpeg", "zlib", None])
def test_the_last_tile_cut_short(tmp_path, kind, codec):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", compression=codec, metadata=None, **kind)
    with tifffile.TiffFile(path) as tiff:
        whole = tiff.asarray()
    path.write_bytes(path.read_bytes()[:-20])
    with open_image(path) as source:
        upper = source.plane().read(slice(0, 32)) if codec or "tile" in kind else whole[:32]
        np.testing.assert_array_equal(upper, whole[:32])
        with pytest.raises(InputError, match=r"a\.tif: .*truncated"):
            source.plane().read()


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "P"])
def test_png_whose_checksum_is_wrong(tmp_path, mode):
    path = tmp_path / "a.png"
    gray = RGB[..., 0].astype(np.uint16) * 200 if mode == "I;16" else RGB[..., 0]
    picture = Image.fromarray(RGB if mode == "RGB" else gray)
    (picture.convert("P") if mode == "P" else picture).save(path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle:-12] = bytes(len(data) - middle - 12)
    path.write_bytes(data)
    with pytest.raises(
        InputError, match=r"a\.png: is damaged or truncated \(the checksum of chunk"
    ):
        read_image(path)


def test_png_without_its_last_chunk(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match=r"a\.png: is damaged or truncated \(it ends in a chunk"):
        read_image(path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("left", [0.999, 0.9, 0.5, 0.01])
def test_blosc_chunk_shorter_than_it_says(tmp_path, version, left):
    path = tmp_path / "a.zarr"
    array = make_array(path, (64, 64), (32, 32), "u2", version, blosc=True)
    array[:] = pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    np.testing.assert_array_equal(read_image(path), pixels)
    chunk = path / "1.1" if version == 2 else path / "c" / "1" / "1"
    data = chunk.read_bytes()
    chunk.write_bytes(data[: int(len(data) * left)])
    with open_image(path) as source:
        np.testing.assert_array_equal(source.plane().read(slice(0, 32)), pixels[:32])
        with pytest.raises(InputError, match=r"a\.zarr: is damaged or truncated \(chunk .*1.1 has"):
            source.plane().read()


@pytest.mark.parametrize("version", VERSIONS)
def test_missing_chunks_are_counted(tmp_path, version):
    path = tmp_path / "a.zarr"
    array = make_array(path, (3, 64, 70), (1, 32, 32), "u1", version, fill=7)
    array[1, :32, :32] = 200
    choice = PlaneChoice(axes="ZYX", z=1)
    with open_image(path) as source:
        plane = source.plane(choice)
        assert plane.missing_chunks() == 5
        assert source.plane(PlaneChoice(axes="ZYX", z="max")).missing_chunks() == 17
        expected = np.full((64, 70), 7, np.uint8)
        expected[:32, :32] = 200
        np.testing.assert_array_equal(plane.read(), expected)


def test_missing_chunks_are_counted_of_any_number(tmp_path, monkeypatch):
    """The limit is for what is read at once; a large slide is read region by region."""
    make_array(tmp_path / "a.zarr", (64, 70), (32, 32), "u1")
    monkeypatch.setattr("nucleisplit.images.stores.ome_zarr_chunks._MOST_CHUNKS", 4)
    with open_image(tmp_path / "a.zarr") as source:
        plane = source.plane()
        assert plane.missing_chunks() == 6
        assert not plane.read(slice(0, 64), slice(0, 64)).any()
        with pytest.raises(InputError, match="6 chunks of"):
            plane.read()


def patched(path, changes):
    """Change values of tags of the first page of a TIFF of little endian."""
    with tifffile.TiffFile(path) as tiff:
        places = {tag: tiff.pages[0].tags[tag].valueoffset for tag in changes}
    data = bytearray(path.read_bytes())
    for tag, value in changes.items():
        data[places[tag] : places[tag] + 4] = struct.pack("<I", value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zlib"}, {"compression": "lzw"}, {"compression": "packbits"},
     {"compression": "zstd"}, {"compression": "zlib", "tile": (16, 16)}],
)  # fmt: skip
@pytest.mark.parametrize("size", [{256: 300_000, 257: 300_000}, {257: 2_000_000_000}])
def test_tiff_of_a_false_size(tmp_path, options, size):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB[..., 0], metadata=None, bigtiff=False, **options)
    patched(path, dict.fromkeys(size, 0) | size)
    with pytest.raises(
        InputError, match=r"a\.tif: is damaged or blank \(\d+ bytes of the file claim"
    ):
        read_image(path)


def test_a_strip_that_cannot_be_as_large(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB[..., 0], metadata=None, compression="lzw")
    patched(path, {256: 8000, 257: 8000, 278: 8000})
    with pytest.raises(InputError, match=r"a\.tif: is damaged \(\d+ bytes cannot hold 64000000\)"):
        read_image(path)


def test_a_false_number_of_slices_is_not_counted_one_by_one(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", compression="zlib", metadata=None)
    patched(path, {257: 2_000_000_000})
    with pytest.raises(InputError, match=r"a\.tif: is damaged or blank .*2000000000x96x3 pixels"):
        read_image(path, PlaneChoice(axes="ZYX", z="max"))


def test_zarr_of_a_false_size(tmp_path):
    path = tmp_path / "a.zarr"
    make_array(path, (64, 64), (32, 32), "u2")[:] = 1
    meta = path / ".zarray"
    meta.write_text(meta.read_text().replace("64", "1000000"))
    with pytest.raises(InputError, match=r"a\.zarr: is damaged or blank .*1000000x1000000 pixels"):
        read_image(path)


def test_zarr_of_too_many_chunks(tmp_path):
    path = tmp_path / "a.zarr"
    make_array(path, (64, 64), (32, 32), "u2")[:] = 1
    meta = path / ".zarray"
    meta.write_text(meta.read_text().replace("64", "8000").replace("32", "1"))
    with pytest.raises(InputError, match=r"a\.zarr: .*64000000 chunks of \(1, 1\) in one region"):
        read_image(path)


def test_png_of_a_false_size(tmp_path):
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.png: is damaged or blank .*60000x60000 pixels"):
        read_image(tmp_path / "a.png")


def test_the_limit_can_be_moved(tmp_path):
    path = tmp_path / "a.zarr"
    make_array(path, (9000, 9000), (9000, 90))
    with pytest.raises(InputError, match=r"is damaged or blank.*; if .*use --max-pixels 81000000"):
        read_image(path)
    with open_image(path) as source:
        assert source.plane(PlaneChoice(max_pixels=81_000_000)).shape == (9000, 9000)
    Image.fromarray(RGB).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"has 64x96 pixels, more than 6143; .*--max-pixels 6144"):
        read_image(tmp_path / "a.png", PlaneChoice(max_pixels=6143))
    assert read_image(tmp_path / "a.png", PlaneChoice(max_pixels=6144)).shape == RGB.shape


_INTERRUPTED = """
import os, signal, sys
from nucleisplit.images import open_image

def heed(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, heed)
with open_image(sys.argv[1]) as source:
    array = source._store._arrays[0]._array
    get = type(array).__getitem__

    def stopped(self, index):
        os.kill(os.getpid(), signal.SIGTERM)
        return get(self, index)

    type(array).__getitem__ = stopped
    try:
        source.plane().read()
    except KeyboardInterrupt:
        sys.exit(3)
"""
_DAMAGED = """
import sys
from nucleisplit.errors import InputError
from nucleisplit.images import read_image

try:
    read_image(sys.argv[1])
except InputError:
    sys.exit(3)
"""


@pytest.mark.parametrize("damaged", [True, False])
def test_zarr_leaves_nothing_running(tmp_path, damaged):
    path = tmp_path / "a.zarr"
    array = make_array(path, (128, 128), (8, 8))
    array[:] = (np.arange(128 * 128) % 251).reshape(128, 128)
    script = _INTERRUPTED
    if damaged:
        (path / "0.0").write_bytes(b"no chunk")
        script = _DAMAGED
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
