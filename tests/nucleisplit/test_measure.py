"""Every column equals that of scikit-image's regionprops_table."""

import warnings

import numpy as np
import pytest
from skimage.measure import regionprops_table

from nucleisplit.measure import COLUMNS, measure

REFERENCE = (
    "label",
    "centroid",
    "bbox",
    "area",
    "perimeter",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "solidity",
)


def blobs(seed, shape=(60, 70), count=25):
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for label in range(1, count + 1):
        r, c = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        a, b, turn = rng.uniform(0.3, 12), rng.uniform(0.3, 6), rng.uniform(0, np.pi)
        u = (yy - r) * np.cos(turn) + (xx - c) * np.sin(turn)
        v = (xx - c) * np.cos(turn) - (yy - r) * np.sin(turn)
        labels[(u / a) ** 2 + (v / b) ** 2 <= 1] = 2 * label
    return labels


def noise(seed):
    return np.random.default_rng(seed).integers(0, 8, (17, 23))


SHAPES = {
    "one pixel": np.array([[0, 0], [0, 3]]),
    "one row": np.array([[1, 1, 1, 0, 2]]),
    "one column": np.array([[1], [1], [0], [2]]),
    "diagonal": np.eye(6, dtype=int),
    "pieces with an empty row between": np.array([[1, 0, 0], [0, 0, 0], [0, 0, 1]]),
    "ring": np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]),
    "blobs": blobs(0),
    "crowded blobs": blobs(1, count=80),
    "random pixels": noise(2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_equals_regionprops(name):
    labels = SHAPES[name]
    image = np.random.default_rng(3).integers(0, 4000, labels.shape).astype(np.uint16)
    table = measure(labels, image)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = regionprops_table(labels, image, properties=(*REFERENCE, "intensity_mean"))
    for column, values in expected.items():
        np.testing.assert_allclose(table[column], values, rtol=1e-9, atol=1e-6, err_msg=column)


def test_solidity_is_exact_for_many_shapes():
    for seed in range(30):
        labels = blobs(seed, (40, 40), 12)
        expected = regionprops_table(labels, properties=("area", "area_convex"))
        solidity = measure(labels, labels)["solidity"]
        np.testing.assert_array_equal(
            np.rint(expected["area"] / solidity), expected["area_convex"], err_msg=str(seed)
        )


def test_columns_types_and_given_values():
    labels = np.array([[5, 5, 0, 0, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 0]])
    table = measure(labels, labels, predicted_iou=[0.25, 0.75], threshold=[0.5, 0.625])
    assert tuple(table.columns) == COLUMNS
    assert table["label"].tolist() == [2, 5]
    assert table["predicted_iou"].tolist() == [0.25, 0.75]
    assert table["threshold"].tolist() == [0.5, 0.625]
    assert table["touches_edge"].tolist() == [False, True]
    assert table["area"].dtype == np.int64 and table["touches_edge"].dtype == bool


def test_colour_is_averaged_and_alpha_left_out():
    labels = np.ones((2, 2), int)
    image = np.zeros((2, 2, 4), np.uint8)
    image[...] = (30, 60, 90, 255)
    assert measure(labels, image)["intensity_mean"].tolist() == [60.0]


def test_no_nuclei_gives_an_empty_table_of_the_same_columns():
    table = measure(np.zeros((4, 5), np.int32), np.zeros((4, 5)), np.zeros(0), np.zeros(0))
    assert table.shape == (0, len(COLUMNS)) and tuple(table.columns) == COLUMNS
    assert table["label"].dtype == np.int64 and table["touches_edge"].dtype == bool


@pytest.mark.parametrize(
    ("image", "iou", "message"),
    [
        (np.zeros((3, 3)), None, "expected one size"),
        (np.zeros((2, 2)), [0.1, 0.2], "2 values of predicted_iou for 1 nuclei"),
    ],
)
def test_refuses_what_does_not_match(image, iou, message):
    with pytest.raises(ValueError, match=message):
        measure(np.ones((2, 2), int), image, iou)
