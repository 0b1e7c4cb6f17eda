import numpy as np
import pytest

from stage1_unet import PreprocessConfig, preprocess

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


@pytest.mark.parametrize(
    "image",
    [
        (RAMP * 255).astype(np.uint8),
        (RAMP * 4095).astype(np.uint16),
        (RAMP * 4095).astype(">u2"),
        (RAMP * 2000 - 1000).astype(np.int16),
        RAMP,
        RAMP.astype(np.float32)[..., None] * 1e-6,
    ],
)
def test_any_type_spans_zero_to_one(image):
    scaled = preprocess(image)
    assert scaled.shape == (64, 64, 3) and scaled.dtype == np.float32
    assert scaled.min() == 0 and scaled.max() == 1
    np.testing.assert_allclose(scaled[32, 32], RAMP[32, 32], atol=0.02)


def test_percentiles_cut_outliers():
    image = RAMP.copy()
    image[0, 0] = 1000
    np.testing.assert_allclose(preprocess(image)[32, 32], RAMP[32, 32], atol=0.02)
    raw = preprocess(image, PreprocessConfig(low=0, high=100))
    assert raw[32, 32, 0] < 0.001


def test_hue_stays_and_alpha_goes():
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[..., 3] = 255
    rgba[:4, :, 1] = 100
    scaled = preprocess(rgba)
    assert scaled[0, 0].tolist() == pytest.approx([1.0, 0.5, 0.0])
    assert scaled[7, 7].tolist() == pytest.approx([1.0, 0.0, 0.0])


def test_few_bright_pixels_on_a_constant_ground_stay_visible():
    image = np.zeros((100, 100), np.uint8)
    image[50, 50] = 9
    assert preprocess(image)[50, 50, 0] == 1


@pytest.mark.parametrize("image", [np.full((5, 5), 7), np.zeros((1, 1), bool)])
def test_constant_is_zero(image):
    assert not preprocess(image).any()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 5)), r"\(4, 4, 5\)"),
        (np.zeros((4, 4, 2)), r"\(4, 4, 2\)"),
        (np.zeros(4), r"\(4,\)"),
        (np.zeros((0, 4)), "empty"),
        (np.array([[np.nan, 1]]), "NaN"),
        (np.array([[np.inf, 1]]), "NaN or infinite"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_refused(image, message):
    with pytest.raises(ValueError, match=message):
        preprocess(image)


def test_percentiles_must_ascend():
    with pytest.raises(ValueError, match="must be below"):
        PreprocessConfig(low=60, high=50)
