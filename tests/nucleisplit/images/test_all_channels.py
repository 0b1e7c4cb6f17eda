"""Every channel of a file at the place of the plane that is segmented."""

import numpy as np
import pytest
import tifffile

from nucleisplit.errors import InputError
from nucleisplit.images import PlaneChoice, open_image

PIXELS = np.arange(3 * 4 * 5 * 6, dtype=np.uint16).reshape(3, 4, 5, 6)


@pytest.mark.parametrize(
    ("axes", "pixels", "choice", "expected"),
    [
        ("YX", PIXELS[0, 0], {}, PIXELS[0, 0]),
        ("CYX", PIXELS[0], {"channel": "2"}, PIXELS[0].transpose(1, 2, 0)),
        ("CYX", PIXELS[0], {"channel": "2,1,0"}, PIXELS[0].transpose(1, 2, 0)),
        ("ZCYX", PIXELS, {"channel": "1", "z": 2}, PIXELS[2].transpose(1, 2, 0)),
        ("ZCYX", PIXELS, {"channel": "1", "z": "max"}, PIXELS.max(0).transpose(1, 2, 0)),
        ("TCYX", PIXELS, {"channel": "0", "t": 1}, PIXELS[1].transpose(1, 2, 0)),
    ],
)
def test_all_channels(tmp_path, axes, pixels, choice, expected):
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": axes}, ome=True)
    with open_image(tmp_path / "a.ome.tif") as source:
        plane = source.plane(PlaneChoice(**choice)).all_channels()
        assert plane.shape == expected.shape
        np.testing.assert_array_equal(plane.read(), expected)
        part = plane.read(slice(1, 3), slice(2, 5))
        np.testing.assert_array_equal(part, expected[1:3, 2:5])


@pytest.mark.parametrize(("samples", "channels"), [(3, 3), (4, 3)])
def test_alpha_is_no_channel(tmp_path, samples, channels):
    pixels = PIXELS[0, 0, :, :, None].repeat(samples, axis=2).astype(np.uint8)
    options = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **options)
    with open_image(tmp_path / "a.tif") as source:
        for choice in (PlaneChoice(), PlaneChoice(channel="red")):
            assert source.plane(choice).all_channels().read().shape == (5, 6, channels)


def test_colours_in_every_channel_are_refused(tmp_path):
    pixels = np.zeros((2, 5, 6, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": "CYXS"}, ome=True)
    with open_image(tmp_path / "a.ome.tif") as source:
        plane = source.plane(PlaneChoice(channel="1"))
        with pytest.raises(InputError, match="a.ome.tif: has colours in every channel; leave out"):
            plane.all_channels()
