"""Every column that scikit-image's regionprops_table has equals it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from skimage.measure import regionprops_table

from nucleisplit.measure import GROUPS, Measures, measure

SHAPE = (
    *("label", "centroid", "bbox", "area", "perimeter", "axis_major_length", "axis_minor_length"),
    *("eccentricity", "equivalent_diameter_area", "feret_diameter_max", "extent", "solidity"),
)
INTENSITY = tuple(f"intensity_{what}" for what in ("mean", "std", "min", "median", "max"))


def reference(labels, image=None, properties=SHAPE, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return regionprops_table(labels, image, properties=properties, **options)


def check(table, expected):
    for column, values in expected.items():
        np.testing.assert_allclose(table[column], values, rtol=1e-9, atol=1e-6, err_msg=column)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.uint32, np.float32, bool])
def test_equals_regionprops(drawn, kind):
    image = np.random.default_rng(3).integers(0, 4000, drawn.shape).astype(kind)
    table = measure(drawn, image)
    check(table, reference(drawn, image.astype(float), (*SHAPE, *INTENSITY)))


def test_channels_are_those_of_regionprops(drawn):
    image = np.random.default_rng(4).integers(0, 60_000, (*drawn.shape, 3)).astype(np.uint16)
    table = measure(drawn, image)
    check(table, reference(drawn, image, INTENSITY))
    check(table, reference(drawn, image.mean(axis=2), INTENSITY))


def test_columns_and_types():
    labels = np.array([[5, 5, 0, 0, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 0]])
    table = measure(labels, labels, predicted_iou=[0.25, 0.75], threshold=[0.5, 0.625])
    assert list(table) == Measures().columns()
    assert table["label"].tolist() == [2, 5]
    assert table["predicted_iou"].tolist() == [0.25, 0.75]
    assert table["threshold"].tolist() == [0.5, 0.625]
    assert table["touches_edge"].tolist() == [False, True]
    assert table["area"].dtype == np.int64 and table["touches_edge"].dtype == bool
    assert table["neighbours_near"].dtype == np.int64


@pytest.mark.parametrize("groups", [(), ("texture",), ("neighbours", "shape"), tuple(GROUPS)])
@pytest.mark.parametrize("count", [0, 2])
def test_groups_channels_and_sizes_decide_the_columns(groups, count):
    labels = np.array([[0, 1, 1], [0, 0, 2]]) * (count > 0)
    measures = Measures(groups)
    for image, channels in ((labels, 0), (np.stack([labels] * 3, -1), 3)):
        for size in (None, (0.5, 0.25)):
            table = measure(labels, image, measures=measures, pixel_size=size)
            assert list(table) == measures.columns(channels, sized=size is not None)
            assert len(table) == count
            assert table["label"].dtype == np.int64 and table["touches_edge"].dtype == bool


def test_alpha_is_left_out_and_other_channels_are_not():
    labels = np.ones((2, 2), int)
    image = np.zeros((2, 2, 4), np.uint8)
    image[...] = (30, 60, 90, 255)
    table = measure(labels, image)
    assert table["intensity_mean"].tolist() == [60.0]
    assert table["intensity_mean-2"].tolist() == [90.0] and "intensity_mean-3" not in table
    table = measure(labels, image[..., 0], channels=image)
    assert table["intensity_mean"].tolist() == [30.0]
    assert table["intensity_mean-3"].tolist() == [255.0]
    table = measure(labels, image, channels=image[..., 0])
    assert table["intensity_mean"].tolist() == [60.0] and "intensity_mean-0" not in table


def test_a_part_of_an_image_gives_the_same(blobs):
    labels = blobs(5)
    image = np.random.default_rng(6).normal(0, 1, labels.shape)
    measures = Measures(("shape", "intensity", "texture"))
    whole = measure(np.pad(labels, (9, 3)), np.pad(image, (9, 3)), measures=measures)
    part = measure(labels, image, measures=measures)
    moved = ["centroid-0", "centroid-1", *(f"bbox-{i}" for i in range(4)), "touches_edge"]
    pd.testing.assert_frame_equal(
        whole.drop(columns=moved), part.drop(columns=moved), check_exact=True
    )


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (np.zeros((3, 3)), {}, "expected one size"),
        (np.zeros((2, 2)), {"channels": np.zeros((3, 2, 2))}, "expected one size"),
        (np.zeros((2, 2)), {"predicted_iou": [0.1, 0.2]}, "2 values of predicted_iou for 1 nuclei"),
    ],
)
def test_refuses_what_does_not_match(image, options, message):
    with pytest.raises(ValueError, match=message):
        measure(np.ones((2, 2), int), image, **options)
