import numpy as np
import pytest
import torch

from stage1_unet import Pair, TrainConfig
from stage1_unet.data import CropDataset, StepSampler, _centres, _cut

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
        image, targets = crops[number]
        assert image.shape == targets.shape == (3, 32, 32)
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
    _, targets = crops[0]
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


def test_sampler_goes_on_from_the_steps_done():
    done = [0]
    sampler = StepSampler(2, 3, lambda: done[0])
    assert list(sampler) == [0, 1, 2, 3, 4, 5] and len(sampler) == 6
    done[0] = 4
    assert list(sampler) == [12, 13, 14, 15, 16, 17]


def test_centres_of_present_ids():
    labels = np.array([[0, 3, 3, 3], [7, 0, 0, 0]])
    assert _centres(labels).tolist() == [[0, 2], [1, 0]]
    assert _centres(np.zeros((3, 3), int)).shape == (0, 2)


def test_cut_mirrors_beyond_the_edge():
    row = np.arange(4, dtype=np.float32)[None].repeat(4, 0)
    assert _cut(row, (0, -2), 8)[0].tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert np.array_equal(_cut(row, (1, 1), 2), row[1:3, 1:3])
