import numpy as np
import pytest

from stage1_unet import (
    PreprocessConfig,
    measure_levels,
    preprocess,
    preprocess_and_measure,
)

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)
VARIANTS = ("rgb", "gray", "clahe", "lh")


def nuclei(light=200, dark=20, size=120):
    """Light disks on a dark ground (a fifth of it), uint8."""
    row, column = np.indices((size, size)) % 24 - 12
    return np.where(row**2 + column**2 <= 36, light, dark).astype(np.uint8)


def stained(size=120):
    """Haematoxylin disks on an eosin ground, as light passes both, uint8 RGB."""
    inside = nuclei(1, 0, size)[..., None]
    absorbance = np.where(inside, [1.3, 1.4, 0.58], [0.035, 0.495, 0.055])
    return np.rint(255 * np.exp(-absorbance)).astype(np.uint8)


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


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("polarity", ["keep", "auto", "invert"])
@pytest.mark.parametrize(
    "image",
    [
        nuclei(),
        nuclei().astype(np.uint16) * 16,
        stained(),
        stained() / 255,
        stained()[:1, :1],
        RAMP.astype(np.float32)[:3],
    ],
)
def test_every_variant_spans_zero_to_one(image, variant, polarity):
    scaled = preprocess(image, PreprocessConfig(variant=variant, polarity=polarity))
    assert scaled.shape == (*image.shape[:2], 3) and scaled.dtype == np.float32
    assert scaled.min() >= 0 and scaled.max() <= 1
    assert not preprocess(
        np.full((5, 5), 7), PreprocessConfig(variant=variant, polarity=polarity)
    ).any()


def contrast(image, **options):
    """How much lighter nuclei are than the ground, in each channel."""
    inside = nuclei(1, 0) > 0
    scaled = preprocess(image, PreprocessConfig(**options))
    return (scaled[inside].mean(0) - scaled[~inside].mean(0)).tolist()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("image", [nuclei(), 255 - nuclei(), stained(), 255 - stained()])
def test_auto_makes_nuclei_light(image, variant):
    assert min(contrast(image, variant=variant, polarity="auto")) > 0.4


@pytest.mark.parametrize("variant", ["rgb", "gray", "clahe"])
def test_polarity_is_kept_or_exchanged(variant):
    for image, sign in ((nuclei(), 1), (stained(), -1)):
        kept = contrast(image, variant=variant)
        assert contrast(image, variant=variant, polarity="invert")[0] * sign < -0.4
        assert kept[0] * sign > 0.4


def test_gray_is_the_luminance_at_full_contrast():
    blue = np.zeros((120, 120, 3), np.uint8)
    blue[..., 2] = nuclei(40, 10)
    scaled = preprocess(blue, PreprocessConfig(variant="gray"))
    assert np.array_equal(scaled, np.repeat((nuclei() > 100)[..., None], 3, axis=2))
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0], [255, 255, 255]]])
    gray = preprocess(primaries, PreprocessConfig(variant="gray", low=0, high=100))
    assert gray[0, :, 0].tolist() == pytest.approx([0.299, 0.587, 0.114, 0, 1], abs=1e-6)


def test_clahe_lifts_what_is_faint():
    ramp = np.tile(RAMP, (4, 4))
    image = np.hstack([40 + 20 * ramp, 40 + 215 * ramp])
    faint = [
        np.ptp(preprocess(image, PreprocessConfig(variant=variant))[:, :128])
        for variant in ("rgb", "clahe")
    ]
    assert faint[1] > 1.5 * faint[0]


def test_clahe_leaves_the_hue():
    scaled = preprocess(stained(), PreprocessConfig(variant="clahe"))
    assert (scaled[..., 1] <= scaled[..., [0, 2]].min(axis=2) + 1e-3).all()


def test_haematoxylin_is_told_from_eosin():
    ground, nucleus = (20, 0), (12, 12)
    assert nuclei(1, 0)[nucleus] and not nuclei(1, 0)[ground]
    scaled = preprocess(stained(), PreprocessConfig(variant="lh", low=0, high=100))
    assert scaled[nucleus].tolist() == pytest.approx([0, 1, 0], abs=0.15)
    assert scaled[ground][1] == 0 and scaled[ground][0] > 0.6
    assert np.array_equal(scaled[..., 0], scaled[..., 2])


@pytest.mark.parametrize("polarity", ["keep", "auto", "invert"])
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "clahe"])
def test_parts_are_scaled_as_the_whole_with_its_levels(variant, polarity):
    config = PreprocessConfig(variant=variant, polarity=polarity)
    for image in (stained(), nuclei(), 255 - nuclei(), np.full((30, 30), 7)):
        whole = preprocess(image, config)
        levels = measure_levels(image, config)
        assert np.array_equal(preprocess(image, config, levels), whole)
        part = preprocess(image[3:20, 5:], config, levels)
        assert np.allclose(part, whole[3:20, 5:], atol=1e-6)


def test_a_part_of_one_colour_keeps_its_place_between_the_levels():
    image = nuclei()
    levels = measure_levels(image, config := PreprocessConfig(polarity="invert"))
    prepared, measured = preprocess_and_measure(image, config)
    assert measured == levels and np.array_equal(prepared, preprocess(image, config))
    assert (preprocess(np.full((4, 4), 20, np.uint8), config, levels) == 1).all()
    assert (preprocess(np.full((4, 4), 200, np.uint8), config, levels) == 0).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image * 1e-50,
        lambda image: image * 1e300,
        lambda image: 1e9 + image * 1e-3,
        lambda image: (image + 2.0**40).astype(np.int64),
        lambda image: image.astype(np.int64) + 2**50,
        lambda image: image.astype(np.int32) + 2**30,
        lambda image: np.ma.masked_array(image, mask=False),
    ],
    ids=["tiny", "huge", "narrow", "far", "farther", "int32", "no mask"],
)
@pytest.mark.parametrize("variant", ["rgb", "gray"])
def test_no_range_of_numbers_is_lost(change, variant):
    image = np.arange(64.0).reshape(8, 8) % 13
    config = PreprocessConfig(variant=variant)
    found = preprocess(change(image), config)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, preprocess(image, config), atol=1e-3)
    part = preprocess(change(image)[:4], config, measure_levels(change(image), config))
    np.testing.assert_allclose(part, found[:4], atol=1e-6)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.ma.masked_greater(np.arange(9.0).reshape(3, 3), 6), "2 values are masked"),
        (np.array([[-1.7e308, 1.7e308]]), "the values of the image span more than 1.8e308"),
    ],
)
def test_numbers_that_cannot_be_scaled_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        preprocess(image)
