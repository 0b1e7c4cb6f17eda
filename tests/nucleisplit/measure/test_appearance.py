import numpy as np
import pytest

from nucleisplit.measure import FEATURES, Regions, describe_nuclei


def described(labels, image, span=(0, 255), radius=4):
    found = describe_nuclei(Regions.of(np.asarray(labels)), np.asarray(image), span, radius)
    return dict(zip(FEATURES, found.T, strict=True))


@pytest.fixture
def square():
    """An even nucleus of 8 x 8 pixels, 200 on a ground of 50."""
    labels = np.zeros((20, 20), np.int32)
    labels[6:14, 6:14] = 3
    return labels, np.where(labels > 0, 200, 50).astype(np.uint8)


def test_an_even_nucleus(square):
    found = described(*square)
    assert found["area"] == pytest.approx(np.log(64))
    for colour in ("red", "green", "blue"):
        assert found[f"{colour}_mean"] == pytest.approx(200 / 255)
        assert found[f"{colour}_ring"] == pytest.approx(50 / 255)
        assert found[f"{colour}_contrast"] == pytest.approx(150 / 255, abs=1e-6)
        assert found[f"{colour}_std"] == pytest.approx(0, abs=1e-6)
        assert found[f"{colour}_rim"] == pytest.approx(0, abs=1e-6)


def test_light_is_taken_between_the_ends_of_the_span(square):
    labels, image = square
    found = described(labels, image.astype(np.uint16) * 10, span=(500, 2000))
    assert (found["red_mean"], found["red_ring"]) == (1, 0)


def test_the_rim_is_told_from_the_middle(square):
    labels, image = square
    image[7:13, 7:13] = 100
    found = described(labels, image)
    mean = (28 * 200 + 36 * 100) / 64 / 255
    assert found["green_mean"] == pytest.approx(mean)
    assert found["green_rim"] == pytest.approx(200 / 255 - mean)


def test_stains_are_those_of_their_absorbance(square):
    labels, _ = square
    haematoxylin, eosin = np.array([0.65, 0.70, 0.29]), np.array([0.07, 0.99, 0.11])
    absorbed = np.where(labels[..., None] > 0, 0.8 * haematoxylin, 0.5 * eosin)
    found = described(labels, 255 * np.exp(-absorbed))
    assert found["haematoxylin_mean"] == pytest.approx(0.8, abs=1e-5)
    assert found["eosin_mean"] == pytest.approx(0, abs=1e-5)
    assert found["eosin_ring"] == pytest.approx(0.5, abs=1e-5)


def test_texture_is_seen(square):
    labels, image = square
    even = described(labels, image)
    image[6:14:2, 6:14] = 100
    assert described(labels, image)["fine_mean"] > even["fine_mean"] + 0.05


def test_gray_is_a_colour_with_three_alike(square):
    labels, image = square
    gray, colour = (described(labels, each) for each in (image, np.stack([image] * 3, axis=-1)))
    np.testing.assert_allclose(list(gray.values()), list(colour.values()), rtol=1e-5, atol=1e-6)


def test_rows_follow_the_labels():
    labels = np.zeros((12, 30), np.int32)
    labels[2:6, 2:6], labels[2:10, 12:20] = 9, 4
    found = described(labels, np.where(labels == 9, 255, 0).astype(np.uint8), radius=3)
    np.testing.assert_allclose(np.exp(found["area"]), [64, 16], rtol=1e-6)
    assert found["red_mean"].tolist() == [0, 1]


def test_without_a_ring_there_is_none():
    labels = np.ones((6, 6), np.int32)
    found = described(labels, np.full((6, 6), 9, np.uint8))
    assert np.isnan(found["red_ring"]).all() and np.isfinite(found["red_mean"]).all()


def test_no_nuclei():
    none = Regions.of(np.zeros((4, 4), int))
    assert describe_nuclei(none, np.zeros((4, 4)), (0, 1), 5).shape == (0, len(FEATURES))
