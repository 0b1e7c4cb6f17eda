"""Damaged files of every kind end in an image or in one line that names the file, at once."""

import io
import resource
from functools import cache

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nucleisplit.errors import InputError
from nucleisplit.images import PlaneChoice, open_image
from tests.strategies.damage import damaged
from tests.strategies.zarrs import VERSIONS, make_array

GRAY = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8) // 8 * 8
RGB = np.stack([GRAY, GRAY[::-1], GRAY[:, ::-1]], axis=-1)
STACK = np.stack([GRAY.astype(np.uint16) * n for n in (50, 100, 150)])
ZYX = {"axes": "ZYX"}
TIFFS = {
    "plain": (GRAY, {}),
    "lzw": (GRAY, {"compression": "lzw", "rowsperstrip": 9, "predictor": 2}),
    "zlib": (RGB, {"photometric": "rgb", "compression": "zlib", "tile": (16, 32)}),
    "jpeg": (RGB, {"photometric": "rgb", "compression": "jpeg", "tile": (32, 32)}),
    "zstd": (GRAY, {"compression": "zstd"}),
    "float": (GRAY.astype(np.float32), {}),
    "ome": (STACK, {"ome": True, "metadata": ZYX}),
    "ome lzw": (STACK, {"ome": True, "metadata": ZYX, "compression": "lzw"}),
    "imagej": (STACK, {"imagej": True, "metadata": ZYX}),
    "pages": (STACK, {"metadata": None, "compression": "lzw"}),
    "big": (STACK, {"bigtiff": True}),
}
OTHERS = {"PNG": RGB, "png": GRAY, "JPEG": RGB, "WEBP": RGB, "BMP": RGB}
MEMORY = 2**30
"""Bytes that no small file may take."""
EXAMPLES = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@cache
def encoded(kind):
    buffer = io.BytesIO()
    if kind in TIFFS:
        pixels, options = TIFFS[kind]
        tifffile.imwrite(buffer, pixels, **{"photometric": "minisblack", **options})
    else:
        Image.fromarray(OTHERS[kind]).save(buffer, kind.upper())
    return buffer.getvalue()


def read(path):
    """Read the first plane and all of them; no error but our own, and that names the file."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for choice in (PlaneChoice(), PlaneChoice(z="max"), PlaneChoice(axes="ZYX", z="max")):
        try:
            with open_image(path, choice) as source:
                plane = source.plane(choice)
                assert plane.read().shape == plane.shape
        except InputError as error:
            assert str(error).startswith(f"{path}: ")
            assert "\n" not in str(error)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY


@pytest.mark.parametrize("kind", [*TIFFS, *OTHERS])
def test_damaged_file(tmp_path, kind):
    path = tmp_path / "a.tif"

    @EXAMPLES
    @given(damaged(encoded(kind)))
    def check(data):
        path.write_bytes(data)
        read(path)

    check()


@pytest.mark.parametrize("version", VERSIONS)
def test_damaged_zarr(tmp_path, version):
    path = tmp_path / "a.zarr"
    array = make_array(path, (40, 50), (32, 32), "u1", version)
    array[:] = GRAY
    files = {file: file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}
    files = {file: data for file, data in files.items() if data}

    @EXAMPLES
    @given(st.data())
    def check(draw):
        file = draw.draw(st.sampled_from(list(files)))
        file.write_bytes(draw.draw(damaged(files[file])))
        read(path)
        file.write_bytes(files[file])

    check()
