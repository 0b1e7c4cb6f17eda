from dataclasses import replace

import numpy as np
import pytest

import nucleisplit
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.measure import Measures


@pytest.fixture(scope="module")
def segmenter(model):
    return nucleisplit.Segmenter(model, device="cpu")


def test_spots_are_found_and_measured(segmenter, spots):
    image, truth = spots(99)
    result = segmenter.segment(image)
    assert result.labels.shape == image.shape
    assert result.labels.dtype == np.int32
    assert result.maps is None
    found, real = result.labels > 0, truth > 0
    assert (found & real).sum() > 0.8 * (found | real).sum()
    assert list(result.table.columns) == Measures().columns()
    assert result.table["label"].tolist() == list(range(1, result.labels.max() + 1))
    assert result.table["area"].tolist() == np.bincount(result.labels.ravel())[1:].tolist()
    assert result.table["predicted_iou"].between(0, 1).all()


def test_maps_are_returned_on_request(segmenter, spots):
    image, truth = spots(5)
    maps = segmenter.segment(image, keep_maps=True).maps
    assert maps.shape == (3, *image.shape)
    assert maps[0][truth > 0].mean() > 0.8 > 0.2 > maps[0][truth == 0].mean()


def test_calling_and_segmenting_once_are_the_same(segmenter, model, spots):
    image, _ = spots(4)
    labels = segmenter.segment(image).labels
    assert (segmenter(image).labels == labels).all()
    assert (nucleisplit.segment(image, model=model, device="cpu").labels == labels).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.astype(np.float64) / 255,
        lambda image: image.astype(np.uint16) * 100,
        lambda image: image.astype(">u2"),
        lambda image: np.stack([image] * 3, axis=-1),
        lambda image: np.dstack([image] * 3 + [np.full_like(image, 255)]),
        lambda image: image[..., None],
        lambda image: image[:, ::-1][:, ::-1],
    ],
)
def test_the_type_of_the_image_does_not_matter(segmenter, spots, change):
    image, _ = spots(3)
    expected = segmenter(image).labels > 0
    found = segmenter(change(image)).labels > 0
    assert (found == expected).mean() > 0.99


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1), np.uint8),
        np.full((1, 1, 3), 9, np.uint8),
        np.full((40, 50), 7, np.uint16),
        np.ones((33, 20), bool),
        np.full((20, 20), 0.25),
    ],
)
def test_an_image_of_one_value_holds_no_nuclei(segmenter, image):
    result = segmenter(image)
    assert result.labels.shape == image.shape[:2]
    assert result.labels.max() == 0
    assert len(result.table) == 0
    channels = image.shape[2] if image.ndim == 3 else 0
    assert list(result.table.columns) == Measures().columns(channels)


@pytest.mark.parametrize("shape", [(1, 37), (37, 1), (2, 2), (45, 70)])
def test_any_size_is_taken(segmenter, shape):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert segmenter(image).labels.shape == shape


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 5)),
        np.zeros(4),
        np.zeros((2, 4, 4, 3)),
        np.zeros((0, 4)),
        np.array([[1.0, np.nan]]),
        np.array([[1.0, np.inf]]),
        np.array([[1j]]),
    ],
)
def test_other_arrays_are_refused_by_name(segmenter, image):
    with pytest.raises(InputError, match="^spam.png: "):
        segmenter.segment(image, name="spam.png")


def test_min_iou_drops_what_is_below_it(segmenter, model, spots):
    image, _ = spots(2)
    scores = np.sort(segmenter(image).table["predicted_iou"])
    cut = float(np.median(scores))
    strict = nucleisplit.Segmenter(model, device="cpu", min_iou=cut)(image).table
    assert 0 < len(strict) < len(scores)
    assert strict["predicted_iou"].min() >= cut


def test_test_time_augmentation_averages_the_views(model, spots):
    image, _ = spots(1)
    options = {"model": model, "device": "cpu", "rescale": False}
    plain = nucleisplit.Segmenter(**options).segment(image, keep_maps=True).maps
    turned = nucleisplit.Segmenter(**options, tta="d4")
    maps = turned.segment(image, keep_maps=True).maps
    assert not np.array_equal(maps, plain)
    rotated = turned.segment(np.rot90(image).copy(), keep_maps=True).maps
    assert np.abs(np.rot90(maps, axes=(1, 2)) - rotated).max() < 0.02


def test_a_model_brings_its_own_bias_and_sensitivity(model):
    bundle = nucleisplit.load_bundle(model)
    own = {"split_bias": 0.25, "sensitivity": 0.5}
    select = bundle.config.select.model_copy(update=own)
    made = replace(bundle, config=bundle.config.model_copy(update={"select": select}))
    segmenter = nucleisplit.Segmenter(made, device="cpu")
    assert (segmenter.cut.split_bias, segmenter.cut.sensitivity) == (0.25, 0.5)
    assert segmenter.selection == select
    segmenter = nucleisplit.Segmenter(made, device="cpu", split_bias=0, sensitivity=-1)
    assert segmenter.selection == select.model_copy(update={"split_bias": 0, "sensitivity": -1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_iou": 1.5}, "min_iou is 1.5; give a number from 0 to 1"),
        ({"min_iou": -0.1}, "min_iou is -0.1"),
        ({"tta": "all"}, "tta is 'all'; give one of none, flips, d4"),
        ({"device": "tpu"}, "device tpu: "),
    ],
)
def test_bad_options_are_refused(model, options, message):
    with pytest.raises(ConfigError, match=message):
        nucleisplit.Segmenter(model, **options)


@pytest.mark.parametrize("size", [(-1, 1), (0, 0), 0, (1, np.inf), (np.nan, 1), "a", (1, 2, 3), ()])
def test_an_impossible_size_of_a_pixel_is_refused(segmenter, spots, size):
    with pytest.raises(ConfigError, match="pixel_size is .*; give height and width in um"):
        segmenter.segment(spots(1)[0], pixel_size=size)


def test_one_number_for_the_size_of_a_pixel(segmenter, spots):
    image, _ = spots(1)
    table = segmenter.segment(image, pixel_size=2).table
    assert (table["area_um2"] == 4 * table["area"]).all()


def test_masked_values_are_refused(segmenter, spots):
    image = np.ma.masked_greater(spots(1)[0], 100)
    with pytest.raises(InputError, match=r"spam\.png: \d+ values are masked.*fill them in"):
        segmenter.segment(image, name="spam.png")
    with pytest.raises(InputError, match="values of its channels are masked"):
        segmenter.segment(image.data, channels=image[..., None])
    with pytest.raises(InputError, match="values of it are masked"):
        segmenter.segment_stack(image[None], anisotropy=1)
