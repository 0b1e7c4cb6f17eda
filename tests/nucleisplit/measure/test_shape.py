import numpy as np
import pytest
from skimage.measure import regionprops, regionprops_table

from nucleisplit.measure import measure


def test_hulls_are_exact_for_many_shapes(blobs):
    for seed in range(30):
        labels = blobs(seed, (40, 40), 12)
        names = ("area", "area_convex", "feret_diameter_max")
        expected = regionprops_table(labels, properties=names)
        table = measure(labels, labels)
        convex = np.rint(expected["area"] / table["solidity"])
        np.testing.assert_array_equal(convex, expected["area_convex"], err_msg=str(seed))
        np.testing.assert_array_equal(
            np.rint(4 * table["feret_diameter_max"] ** 2),
            np.rint(4 * expected["feret_diameter_max"] ** 2),
            err_msg=str(seed),
        )


def test_orientation_is_that_of_regionprops(blobs):
    for seed in range(5):
        labels = blobs(seed)
        table = measure(labels, labels)
        for turn, region in zip(table["orientation"], regionprops(labels), strict=True):
            if region.eccentricity > 1e-3:  # else there is none
                away = (turn - region.orientation + np.pi / 2) % np.pi - np.pi / 2
                assert away == pytest.approx(0, abs=1e-6)


def test_circularity_is_that_of_the_perimeter():
    table = measure(np.pad(np.ones((3, 5), int), 1), np.zeros((5, 7)))
    assert table["perimeter"].tolist() == [12]
    assert table["circularity"].tolist() == pytest.approx([4 * np.pi * 15 / 12**2])
    yy, xx = np.mgrid[:99, :99]
    disk = (yy - 49) ** 2 + (xx - 49) ** 2 <= 40**2
    assert measure(disk.astype(int), disk)["circularity"][0] == pytest.approx(1, abs=0.1)
    alone = measure(np.array([[0, 0], [0, 1]]), np.zeros((2, 2)))
    assert alone["perimeter"].tolist() == [0] and alone["circularity"].isna().all()
