"""Which plane is meant: what is taken, and what has to be asked for."""

import pytest

from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import PlaneChoice
from nucleisplit.images.plane_choice import select_plane

NAMES = ("DAPI", "GFP", "a,b")


@pytest.mark.parametrize(
    ("axes", "shape", "options", "taken"),
    [
        ("YX", (5, 6), {}, {}),
        ("YXS", (5, 6, 3), {}, {"S": (0, 1, 2)}),
        ("YXS", (5, 6, 3), {"channel": "Green"}, {"S": (1,)}),
        ("YXS", (5, 6, 3), {"channel": "2,1,0"}, {"S": (2, 1, 0)}),
        ("YXS", (5, 6, 1), {}, {"S": (0,)}),
        ("TCZYX", (1, 1, 1, 5, 6), {}, {"T": (0,), "C": (0,), "Z": (0,)}),
        ("CYX", (3, 5, 6), {"channel": 1}, {"C": (1,)}),
        ("CYX", (3, 5, 6), {"channel": "gfp"}, {"C": (1,)}),
        ("CYX", (3, 5, 6), {"channel": "a,b"}, {"C": (2,)}),
        ("CYX", (3, 5, 6), {"channel": "GFP, 0, 0"}, {"C": (1, 0, 0)}),
        ("CYXS", (2, 5, 6, 3), {"channel": "1"}, {"C": (1,), "S": (0, 1, 2)}),
        ("ZYX", (4, 5, 6), {"z": "max"}, {"Z": range(4)}),
        ("TZYX", (3, 4, 5, 6), {"z": 3, "t": 2}, {"T": (2,), "Z": (3,)}),
        ("QIYX", (1, 4, 5, 6), {"axes": "TYX", "t": 1}, {"T": (1,)}),
        ("QYX", (5, 6, 2), {"axes": "YXC", "channel": 1}, {"C": (1,)}),
    ],
)
def test_selected(axes, shape, options, taken):
    assert select_plane(axes, shape, PlaneChoice(**options), NAMES).taken == taken


def test_transparency_is_no_channel():
    assert select_plane("YXS", (5, 6, 4), PlaneChoice(), alpha=True).taken == {"S": (0, 1, 2)}
    assert select_plane("YXS", (5, 6, 2), PlaneChoice(), alpha=True).taken == {"S": (0,)}


@pytest.mark.parametrize(
    ("axes", "shape", "options", "message"),
    [
        ("QYX", (4, 5, 6), {}, "has 4 planes along an axis Q (axes QYX, shape 4x5x6); choose with"
         " --axes (such as ZYX or TYX)"),
        ("TCZYX", (2, 3, 4, 5, 6), {}, "has 2 time points and 4 slices and 3 channels"
         " (DAPI, GFP, a,b) (axes TCZYX, shape 2x3x4x5x6); choose with --t N, --z N (infer: or"
         " max, each, 3d), --channel N (or three: 0,1,2)"),
        ("YXS", (5, 6, 4), {}, "has 4 channels"),
        ("CYX", (3, 5, 6), {"channel": "3"}, "has no channel 3 (axes CYX, shape 3x5x6); channels"
         " are 0 to 2, called DAPI, GFP, a,b"),
        ("CYX", (3, 5, 6), {"channel": "YFP"}, "has no channel YFP"),
        ("CYX", (3, 5, 6), {"channel": "0,1"}, "2 channels were chosen: 0,1; choose one or three"),
        ("CYXS", (3, 5, 6, 3), {"channel": "0,1,2"}, "has colours in every channel"),
        ("YX", (5, 6), {"z": 1}, "has no slice 1 (axes YX, shape 5x6); count from 0 to 0"),
        ("TYX", (3, 5, 6), {"t": 3}, "has no time point 3"),
        ("ZYX", (3, 5, 6), {"axes": "TZYX"}, "has 3 dimensions (axes ZYX, shape 3x5x6), --axes TZYX"
         " names 4; name 3 axes"),
        ("CZ", (3, 5), {}, "has no rows and columns (axes CZ, shape 3x5)"),
        ("ZZYX", (3, 3, 5, 6), {"z": 1}, "has two axes Z (axes ZZYX, shape 3x3x5x6); name"),
        ("SYXS", (3, 5, 6, 3), {}, "has two axes S (axes SYXS, shape 3x5x6x3)"),
    ],
)  # fmt: skip
def test_asked_for(axes, shape, options, message):
    with pytest.raises(InputError) as caught:
        select_plane(axes, shape, PlaneChoice(**options), NAMES if "C" in axes else ())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"z": "min"},
        {"z": -1},
        {"t": -1},
        {"scene": -2},
        {"level": -1},
        {"mpp": 0},
        {"mpp": 0.5, "level": 1},
        {"axes": "ZY"},
        {"axes": "YXX"},
        {"axes": "WYX"},
    ],
)
def test_impossible_choices(options):
    with pytest.raises(ConfigError):
        PlaneChoice(**options)
