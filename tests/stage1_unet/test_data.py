import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from stage1_unet import Pair, TrainConfig
from stage1_unet.data import CropDataset
from stage1_unet.sampling import StepSampler

CONFIG = TrainConfig(crop=32, augment="none", scale=(1, 1))


def disks(size=96, radius=7):
    row, column = np.indices((size, size)) % 24 - 12
    cell = np.indices((size, size)) // 24
    labels = np.where(row**2 + column**2 <= radius**2, 1 + cell[0] * 4 + cell[1], 0)
    return np.where(labels > 0, 200, 10).astype(np.uint8), labels


def test_prepare_keeps_eight_bits():
    pair = Pair.prepare(*disks(), weight=2)
    assert pair.image.dtype == np.uint8 and pair.image.shape == (96, 96, 3)
    assert sorted(np.unique(pair.image)) == [0, 255]
    assert pair.labels.dtype == np.int32 and pair.weight == 2


def test_crop_shows_what_its_targets_say():
    crops = CropDataset([Pair.prepare(*disks())], CONFIG)
    for number in range(20):
        image, targets, weights = crops[number]
        assert image.shape == targets.shape == (3, 32, 32)
        assert weights.shape == (1, 32, 32) and (weights == 1).all()
        assert torch.equal(image[0] > 0.5, targets[0] > 0.5)


def test_number_decides_the_crop():
    crops = CropDataset([Pair.prepare(*disks())], TrainConfig(crop=32))
    assert torch.equal(crops[3][0], crops[3][0])
    assert not torch.equal(crops[3][0], crops[4][0])


def test_weights_share_the_crops():
    dark, labels = disks()
    light = np.where(labels > 0, 10, 200).astype(np.uint8)
    pairs = [Pair.prepare(dark, labels, 3.0), Pair.prepare(light, labels, 1.0)]
    crops = CropDataset(pairs, CONFIG)
    first = sum(bool((crops[i][0][0][crops[i][1][0] > 0] > 0.5).any()) for i in range(200))
    assert 130 <= first <= 170


def test_most_crops_hold_nuclei():
    labels = np.zeros((600, 600), np.int32)
    labels[300:312, 300:312] = 1
    image = (labels * 255).astype(np.uint8)
    image[0, 0] = 255
    crops = CropDataset([Pair.prepare(image, labels)], CONFIG)
    assert sum(bool(crops[i][1][0].any()) for i in range(100)) >= 80


@pytest.mark.parametrize("shape", [(1, 1), (5, 200), (40, 33)])
@pytest.mark.parametrize("scale", [(0.2, 0.3), (1, 1), (3, 4)])
def test_small_images_are_mirrored(shape, scale):
    labels = np.ones(shape, np.int32)
    crops = CropDataset(
        [Pair(np.zeros((*shape, 3), np.uint8), labels)], TrainConfig(crop=32, scale=scale)
    )
    _, targets, _ = crops[0]
    assert targets[0].all() and not targets[1:].any()


def test_zoom_enlarges():
    labels = np.zeros((200, 200), np.int32)
    labels[90:110, 90:110] = 1
    pair = Pair.prepare((labels * 200).astype(np.uint8), labels)
    config = TrainConfig(crop=96, augment="none", scale=(2, 2), nuclei_share=1)
    areas = [CropDataset([pair], config)[i][1][0].sum().item() for i in range(20)]
    assert max(areas) == 40 * 40


def test_no_pairs():
    with pytest.raises(ValueError, match="no image"):
        CropDataset([], CONFIG)


def test_predicted_channels_only():
    crops = CropDataset([Pair.prepare(*disks())], CONFIG, ("body", "separation"), distance=True)
    _, targets, _ = crops[0]
    assert targets.shape == (3, 32, 32)
    assert torch.equal(targets[2] > 0, targets[0] > 0) and targets[2].max() == 1


@pytest.mark.parametrize("preset", ["light", "kinds"])
def test_uncertain_pixels_weigh_nothing(preset):
    image, labels = disks()
    labels[labels == 0] = -1
    crops = CropDataset([Pair.prepare(image, labels)], TrainConfig(crop=32, augment=preset))
    for number in range(10):
        _, targets, weights = crops[number]
        assert torch.equal(weights[0], targets[0])


def test_pixels_between_nuclei_weigh_more():
    config = TrainConfig(crop=32, augment="none", contact_weight=3)
    labels = np.zeros((40, 40), np.int32)
    labels[10:30, 10:20], labels[10:30, 20:30], labels[:5] = 1, 2, -1
    for channels in (("body",), ("body", "border", "separation")):
        crops = CropDataset([Pair.prepare((labels > 0) * 255, labels)], config, channels)
        assert {x for i in range(8) for x in crops[i][2].unique().tolist()} == {0, 1, 4}
    _, targets, weights = crops[0]
    assert targets[2].any() and (weights[0][targets[2] > 0] == 4).all()


def test_the_source_of_a_crop_is_known():
    dark, labels = disks()
    light = np.where(labels > 0, 10, 200).astype(np.uint8)
    crops = CropDataset([Pair.prepare(dark, labels), Pair.prepare(light, labels)], CONFIG)
    for number in range(20):
        image, targets, _ = crops[number]
        assert crops.source(number) == int(image[0][targets[0] == 0].mean() > 0.5)


def test_running_workers_follow_the_difficulty():
    _, labels = disks()
    pairs = [Pair(np.full((96, 96, 3), gray, np.uint8), labels) for gray in (0, 255)]
    config = TrainConfig(crop=32, augment="none", hard_share=1)
    crops = CropDataset(pairs, config)
    sampler = StepSampler(5, 2, lambda: 0)
    loader = DataLoader(crops, 2, sampler=sampler, num_workers=1, persistent_workers=True)
    assert {float(image.mean()) for image, _, _ in loader} <= {0, 0.5, 1}
    for hardest in (1, 0):
        crops.set_difficulty([1 - hardest, hardest])
        assert {float(image.mean()) for image, _, _ in loader} == {hardest}
        assert crops.source(3) == hardest


def test_pasted_nuclei_are_targets_too():
    labels = np.zeros((200, 200), np.int32)
    labels[95:105, 95:105] = 1
    pair = Pair.prepare((labels * 200).astype(np.uint8), labels)
    config = TrainConfig(crop=64, augment="none", scale=(1, 1), paste_share=1, paste_nuclei=4)
    crops = CropDataset([pair], config)
    areas = []
    for number in range(10):
        image, targets, _ = crops[number]
        assert (image[0][targets[0] == 0] < 0.95).all() and (image[0][targets[0] > 0] > 0.3).all()
        areas.append(targets[0].sum().item())
    assert max(areas) > 150
    assert labels.sum() == 100 and pair.labels.sum() == 100


@pytest.mark.parametrize("mix", ["mixup", "cutmix"])
def test_the_edge_of_a_mixed_crop_is_no_contour(mix):
    pairs = [
        Pair(np.full((64, 64, 3), gray, np.uint8), np.ones((64, 64), np.int32)) for gray in (0, 255)
    ]
    crops = CropDataset(pairs, TrainConfig(crop=32, augment="none", mix=mix, mix_share=1))
    mixed = 0
    for number in range(20):
        image, targets, _ = crops[number]
        mixed += 0 < image.mean() < 1
        assert targets[0] == pytest.approx(1) and not targets[1:].any()
    assert mixed >= 5
    assert torch.equal(crops[3][0], crops[3][0])


def test_plain_crops_are_only_cut():
    pairs = [Pair.prepare(*disks())]
    wild = TrainConfig(crop=32, augment="kinds", paste_share=1, mix="cutmix", mix_share=1)
    plain = CropDataset(pairs, CONFIG)
    for number in range(5):
        crop = CropDataset(pairs, wild, plain=True)[number]
        assert all(torch.equal(a, b) for a, b in zip(crop, plain[number], strict=True))
