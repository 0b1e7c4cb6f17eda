import cv2
import numpy as np
import pytest

from stage1_unet.copy_paste import NucleusBank


def scene(background=10, nucleus=200, radius=7, size=96):
    """Sixteen disks on a grid, each brighter than the last by one; those of id 1 to 4 in a row."""
    row, column = np.indices((size, size)) % 24 - 12
    cell = np.indices((size, size)) // 24
    labels = np.where(row**2 + column**2 <= radius**2, 1 + cell[0] * 4 + cell[1], 0)
    image = np.where(labels > 0, nucleus, background)[..., None].repeat(3, axis=2)
    return image.astype(np.uint8), labels.astype(np.int32)


def bank(*scenes, **options):
    return NucleusBank(*zip(*scenes, strict=True), **options)


@pytest.mark.parametrize("zoom", [0.7, 1.0, 1.6])
def test_pasted_nuclei_are_exact_and_change_nothing_that_was_there(zoom):
    image, labels = scene()
    nuclei = bank((image, labels))
    before = image.copy(), labels.copy()
    field = np.full((120, 120, 3), 10, np.uint8)
    ids = np.zeros((120, 120), np.float32)
    ids[50:70, 50:70], field[50:70, 50:70] = 5, 120
    ids[:8] = -1
    window, pasted = field.copy(), ids.copy()
    nuclei.paste(window, pasted, 0, zoom, 10, np.random.default_rng(0))
    old, new = ids != 0, np.unique(pasted[pasted > 5])
    assert np.array_equal(pasted[old], ids[old]) and np.array_equal(window[old], field[old])
    assert len(new) >= 3 and set(new) <= set(range(6, 16))
    area = zoom**2 * np.count_nonzero(labels == 1)
    for number in new:
        one = pasted == number
        assert 0.8 * area < one.sum() < 1.15 * area
        inner = cv2.erode(one.astype(np.uint8), np.ones((5, 5)), borderValue=0) > 0
        assert (window[inner] == 200).all()
    around = cv2.dilate((pasted > 5).astype(np.uint8), np.ones((9, 9))) > 0
    assert np.array_equal(window[~around], field[~around])
    assert np.array_equal(image, before[0]) and np.array_equal(labels, before[1])


def test_some_nuclei_touch_and_some_are_free():
    nuclei = bank(scene())
    touching = []
    for seed in range(40):
        labels = np.zeros((120, 120), np.float32)
        labels[40:80, 40:80] = 1
        nuclei.paste(
            np.zeros((120, 120, 3), np.uint8), labels, 0, 1.0, 1, np.random.default_rng(seed)
        )
        if (labels == 2).any():
            grown = cv2.dilate((labels == 2).astype(np.uint8), np.ones((5, 5)))
            touching.append(bool((grown[labels == 1]).any()))
    assert len(touching) >= 20 and 5 <= sum(touching) <= len(touching) - 5


def test_donors_look_alike():
    gray, stained = scene(), scene(background=230, nucleus=90)
    nuclei = bank(gray, stained, gray, stained, alike=2)
    assert [sorted(row) for row in nuclei.donors] == [[0, 2], [1, 3], [0, 2], [1, 3]]


def test_images_unlike_all_others_keep_to_themselves():
    nuclei = bank(scene(), scene(background=230, nucleus=90), scene(radius=4))
    assert [sorted(row) for row in nuclei.donors] == [[0, 2], [1], [0, 2]]
    nuclei = bank(scene(), scene(radius=1), scene(background=40, nucleus=220))
    assert [sorted(row) for row in nuclei.donors] == [[0, 2], [], [0, 2]]


def test_a_donor_is_brought_to_the_background():
    nuclei = bank(scene(background=40, nucleus=190), scene(nucleus=200))
    assert sorted(nuclei.donors[0]) == [0, 1]
    brightest = []
    for seed in range(20):
        window, labels = np.full((96, 96, 3), 40, np.uint8), np.zeros((96, 96), np.float32)
        nuclei.paste(window, labels, 0, 1.0, 1, np.random.default_rng(seed))
        assert window[labels == 0].min() >= 40
        brightest.append(int(window.max()))
    assert set(brightest) == {40, 190, 230} or set(brightest) == {190, 230}


def test_cut_and_tiny_nuclei_are_not_copied():
    labels = np.zeros((30, 30), np.int32)
    labels[0:8, 5:13] = 1
    labels[20:30, 5:9] = 2
    labels[10:13, 10:13] = 3
    labels[10:14, 20:24] = 9
    labels[15:18, 3:8] = -1
    nuclei = bank((np.zeros((30, 30, 3), np.uint8), labels))
    assert nuclei.nuclei[0].tolist() == [[9, 10, 20, 14, 24]]


def test_without_nuclei_nothing_is_pasted():
    empty = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.int32)
    nuclei = bank(empty, empty)
    labels = np.zeros((60, 60), np.float32)
    nuclei.paste(np.zeros((60, 60, 3), np.uint8), labels, 1, 1.0, 5, np.random.default_rng(0))
    assert not labels.any()
