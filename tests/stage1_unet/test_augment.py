import albumentations as A
import cv2
import numpy as np
import pytest

from stage1_unet.augment import MARGIN, augment, build_augmentation

CROP = 64
SIDE = int(np.ceil(MARGIN * CROP))
PRESETS = ["none", "light", "default", "kinds"]


def window():
    """A window of squares whose image shows their labels: 0, 50, 100, ..., and 250 for -1."""
    labels = np.kron(
        (np.arange(16).reshape(4, 4) * 7 % 6 - 1) * 50, np.ones((SIDE // 4, SIDE // 4))
    )
    labels[labels < 0] = -1
    image = np.where(labels < 0, 250, labels).astype(np.uint8)
    return np.repeat(image[..., None], 3, axis=2), labels.astype(np.float32)


def moving(pipeline):
    """All transforms of a pipeline that move pixels."""
    for step in pipeline.transforms:
        if isinstance(step, A.OneOf):
            yield from moving(step)
        elif isinstance(step, A.DualTransform):
            yield step


MOVING = [(preset, step) for preset in PRESETS for step in moving(build_augmentation(preset, CROP))]


@pytest.mark.parametrize(
    ("preset", "step"), MOVING, ids=[f"{preset}-{type(step).__name__}" for preset, step in MOVING]
)
def test_labels_stay_exact_and_move_with_the_image(preset, step):
    image, labels = window()
    step.p = 1
    changed = 0
    for seed in range(10):
        result = augment(A.Compose([step]), image, labels, np.random.default_rng(seed))
        shown, ids = result[0][..., 0].astype(int), result[1]
        assert set(np.unique(ids)) <= {-1, 0, 50, 100, 150, 200}
        around = np.ones((7, 7), np.uint8)
        inner = cv2.dilate(ids, around) == cv2.erode(ids, around)
        assert inner.mean() > 0.2
        truth = np.where(ids < 0, 250, ids)[inner]
        assert np.abs(shown[inner] - truth).max() <= 1
        changed += ids.shape != labels.shape or not np.array_equal(ids, labels)
    assert changed >= 5


@pytest.mark.parametrize("preset", PRESETS)
def test_crops_of_a_preset(preset):
    image, labels = window()
    pipeline = build_augmentation(preset, CROP)
    for seed in range(20):
        crop, ids = augment(pipeline, image, labels, np.random.default_rng(seed))
        assert crop.shape == (CROP, CROP, 3) and crop.dtype == np.uint8
        assert ids.shape == (CROP, CROP)
        assert set(np.unique(ids)) <= {-1, 0, 50, 100, 150, 200}


def test_the_generator_decides():
    image, labels = window()
    pipeline = build_augmentation("kinds", CROP)
    crops = [augment(pipeline, image, labels, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    assert np.array_equal(crops[0], crops[1]) and not np.array_equal(crops[0], crops[2])


def test_steps_take_effect_independently():
    gray = np.full((2, 2, 3), 10, np.uint8)
    brighter = A.RandomBrightnessContrast((0.2, 0.2), (0, 0), p=0.5)
    pipeline = A.Compose([A.InvertImg(p=0.5), brighter])
    rngs = [np.random.default_rng(seed) for seed in range(200)]
    seen = [int(augment(pipeline, gray, gray[..., 0], rng)[0][0, 0, 0]) for rng in rngs]
    counts = [seen.count(value) for value in (10, 61, 245, 255)]
    assert sum(counts) == 200 and min(counts) >= 30


def test_none_is_the_centre():
    image, labels = window()
    _, ids = augment(build_augmentation("none", CROP), image, labels, np.random.default_rng(0))
    start = (SIDE - CROP) // 2
    assert np.array_equal(ids, labels[start : start + CROP, start : start + CROP])
