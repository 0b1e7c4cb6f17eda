import warnings

import numpy as np
import pytest
from skimage.measure import regionprops_table

from nucleisplit.measure import LENGTHS, measure

KNOWN = (
    *("centroid", "area", "axis_major_length", "axis_minor_length"),
    "equivalent_diameter_area",
)


@pytest.mark.parametrize("size", [(0.25, 0.25), (0.5, 0.2), (0.1, 3.0)])
def test_equals_regionprops_with_that_spacing(drawn, size):
    table = measure(drawn, drawn, pixel_size=size)
    square = size[0] == size[1]
    names = (*KNOWN, *(("perimeter", "feret_diameter_max") if square else ()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = regionprops_table(drawn, properties=names, spacing=size)
    for name, values in expected.items():
        np.testing.assert_allclose(table[LENGTHS[name]], values, rtol=1e-6, atol=1e-6, err_msg=name)
    assert table["perimeter_um"].isna().all() == (not square)
    assert table["feret_diameter_max_um"].isna().all() == (not square)


def test_nearly_square_is_square():
    labels = np.ones((3, 3), int)
    table = measure(labels, labels, pixel_size=(0.2500, 0.2502))
    assert table["perimeter_um"][0] == pytest.approx(0.2501 * table["perimeter"][0], rel=1e-6)
