import numpy as np

from stage1_unet.window import cut, cut_window, nucleus_centres


def test_centres_of_present_ids():
    labels = np.array([[0, 3, 3, 3], [7, 0, -1, 0]])
    assert nucleus_centres(labels).tolist() == [[0, 2], [1, 0]]
    assert nucleus_centres(np.zeros((3, 3), int)).shape == (0, 2)


def test_cut_mirrors_beyond_the_edge():
    row = np.arange(4, dtype=np.float32)[None].repeat(4, 0)
    assert cut(row, (0, -2), 8)[0].tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert np.array_equal(cut(row, (1, 1), 2), row[1:3, 1:3])


def test_a_window_is_zoomed_about_its_centre():
    labels = np.zeros((20, 20), np.int32)
    labels[8:12, 8:12] = 70_000
    labels[0, 0] = -1
    image = np.where(labels[..., None] > 0, 200, 10).astype(np.uint8).repeat(3, axis=2)
    pixels, ids = cut_window(image, labels, (10, 10), 2.0, 16)
    assert pixels.shape == (16, 16, 3) and pixels.dtype == np.uint8
    assert np.array_equal(np.argwhere(ids == 70_000), np.argwhere(np.ones((8, 8))) + 4)
    assert (pixels[6:10, 6:10] == 200).all()
    assert (cut_window(image, labels, (10, 10), 1.0, 20)[1] == labels).all()
