import numpy as np
import pytest

from nucleisplit.errors import ConfigError
from nucleisplit.measure import GROUPS, Measures, in_order, type_of


def test_order_does_not_depend_on_how_groups_are_named():
    both = [
        Measures(groups).columns() for groups in (("neighbours", "shape"), ("shape", "neighbours"))
    ]
    assert both[0] == both[1]
    everything = Measures(tuple(GROUPS)).columns(channels=12, sized=True)
    assert everything == in_order(reversed(everything))
    assert everything.index("intensity_mean-2") + 1 == everything.index("intensity_mean-3")
    assert everything.index("intensity_mean-11") + 1 == everything.index("intensity_std")
    assert everything[:2] == ["label", "centroid-0"] and everything[-1] == "neighbour_distance_um"


def test_types():
    assert [type_of(name) for name in ("area", "touches_edge", "intensity_min-3", "area_um2")] == [
        np.int64,
        np.bool_,
        np.float64,
        np.float64,
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ("shape", "colour")}, "nothing to measure is called 'colour'; choose of shape"),
        ({"channels": "some"}, "channels is 'some'; give chosen or all"),
        ({"radius": 0}, "radius is 0; give a number of pixels above 0"),
        ({"radius": float("nan")}, "radius is nan"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ConfigError, match=message):
        Measures(**options)
