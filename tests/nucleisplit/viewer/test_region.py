import numpy as np
import pytest

from nucleisplit.errors import InputError
from nucleisplit.viewer.region import region_of, whole

SHAPE = (20, 30)


@pytest.mark.parametrize(
    ("corners", "rows", "columns"),
    [
        ([[2, 3], [2, 8], [6, 8], [6, 3]], slice(2, 7), slice(3, 9)),
        ([[1.6, 2.5], [5.4, 2.5], [5.4, 8.4], [1.6, 8.4]], slice(2, 6), slice(3, 9)),
        ([[-5, -5], [-5, 50], [40, 50], [40, -5]], slice(0, 20), slice(0, 30)),
        ([[18.5, 28.5], [18.5, 40], [40, 40], [40, 28.5]], slice(19, 20), slice(29, 30)),
    ],
)
def test_an_upright_rectangle_is_a_box_of_the_pixels_with_their_centre_in_it(
    corners, rows, columns
):
    region = region_of(np.array(corners, float), SHAPE)
    assert (region.rows, region.columns, region.inside) == (rows, columns, None)


def test_a_polygon_is_a_box_and_what_is_inside():
    region = region_of(np.array([[3.6, 10], [8.4, 14.8], [8.4, 5.2]]), SHAPE)
    assert (region.rows, region.columns) == (slice(4, 9), slice(6, 15))
    assert region.shape == (5, 9)
    assert region.inside[2].tolist() == [False, False, True, True, True, True, True, False, False]


def test_a_turned_rectangle_is_a_polygon():
    region = region_of(np.array([[5, 10], [10, 15], [15, 10], [10, 5]]), SHAPE)
    assert region.inside.shape == (11, 11)
    assert not region.inside[0, 0]
    assert region.inside[5, 5]


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ([[1, 1], [5, 5]], "is a line; draw a rectangle or a polygon"),
        (
            [[30, 3], [30, 8], [36, 8], [36, 3]],
            "no pixel of the image; draw a larger one, on the image",
        ),
        ([[2.2, 2.2], [2.2, 2.8], [2.8, 2.8], [2.8, 2.2]], "holds no pixel"),
        ([[2.2, 2.2], [3.3, 2.6], [2.6, 3.3]], "holds no pixel"),
    ],
)
def test_shapes_that_are_no_region_are_refused(corners, message):
    with pytest.raises(InputError, match=message):
        region_of(np.array(corners, float), SHAPE)


def test_the_whole_plane():
    assert whole(SHAPE).shape == SHAPE
