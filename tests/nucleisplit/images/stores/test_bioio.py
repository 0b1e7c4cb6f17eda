"""Files of microscope makers: what is asked of bioio, and the advice when it is missing."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from nucleisplit.errors import InputError
from nucleisplit.extras import install_command
from nucleisplit.images import PlaneChoice, open_image, read_image

PIXELS = np.random.default_rng(0).integers(0, 60000, (2, 1, 2, 3, 20, 30), dtype=np.uint16)


class Lazy:
    """The part of a dask array that is used."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, index):
        return Lazy(self.array[index])

    def compute(self, scheduler):
        return self.array


class FakeImage:
    """The part of `bioio.BioImage` that is used: two scenes of one time, 2 channels, 3 slices."""

    scenes = ("left", "right")
    dims = SimpleNamespace(order="TCZYX")
    physical_pixel_sizes = SimpleNamespace(Z=1.0, Y=0.5, X=0.25)
    channel_names = ("DAPI", "GFP")

    def __init__(self, path, reader):
        assert reader == "the reader"

    def set_scene(self, number):
        self.number = number

    def get_image_dask_data(self, axes):
        assert axes == "TCZYX"
        return Lazy(PIXELS[self.number])


@pytest.fixture
def czi(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioio", SimpleNamespace(BioImage=FakeImage))
    monkeypatch.setitem(sys.modules, "bioio_czi", SimpleNamespace(Reader="the reader"))
    path = tmp_path / "a.czi"
    path.write_bytes(b"ZISRAWFILE")
    return path


def test_scene_and_plane(czi):
    with pytest.raises(InputError, match=r"holds 2 images \(0 left, 1 right\)"):
        open_image(czi)
    with open_image(czi, PlaneChoice(scene=1)) as source:
        assert (source.axes, source.shape) == ("TCZYX", (1, 2, 3, 20, 30))
        assert (source.pixel_size, source.channels) == ((0.5, 0.25), ("DAPI", "GFP"))
        plane = source.plane(PlaneChoice(channel="gfp", z="max"))
        region = (slice(3, 9), slice(4, 30))
        np.testing.assert_array_equal(plane.read(*region), PIXELS[1, 0, 1].max(axis=0)[region])


@pytest.mark.parametrize("ending", ["czi", "nd2", "lif"])
def test_the_missing_plugin_is_named(tmp_path, monkeypatch, ending):
    monkeypatch.setitem(sys.modules, f"bioio_{ending}", None)
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"anything")
    with pytest.raises(InputError) as caught:
        read_image(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: needs bioio-{ending}, which is not installed")
    assert text.endswith(f"; {install_command('microscopes')}") and "\n" not in text
