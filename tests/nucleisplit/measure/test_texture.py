import numpy as np
import pytest
from skimage.feature import graycomatrix, graycoprops

from nucleisplit.measure import Measures, measure

NAMES = ("contrast", "homogeneity", "correlation", "entropy")


def textures(labels, image):
    table = measure(labels, image, measures=Measures(("texture",)))
    return table[[f"texture_{name}" for name in NAMES]].to_numpy()


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_equals_scikit_image_on_a_rectangle(kind):
    image = np.random.default_rng(0).integers(0, 160, (9, 14)).astype(kind)
    labels = np.zeros((12, 20), int)
    labels[2:11, 3:17] = 4
    found = textures(labels, np.pad(image, ((2, 1), (3, 3)), constant_values=99))
    span = image.max() - image.min()
    levels = np.minimum(16 * ((image - image.min()) / span.astype(float)), 15).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    matrix = graycomatrix(levels, [1], angles, 16, symmetric=True).sum(axis=3, keepdims=True)
    expected = [graycoprops(matrix / matrix.sum(), name).item() for name in NAMES]
    assert found[0] == pytest.approx(expected)


def test_neither_brightness_nor_other_nuclei_count(blobs):
    labels = blobs(3)
    image = np.random.default_rng(1).integers(0, 99, labels.shape)
    np.testing.assert_allclose(textures(labels, image), textures(labels, 5 * image + 1000))
    alone = np.where(labels == labels.max(), labels, 0)
    np.testing.assert_array_equal(textures(alone, image)[0], textures(labels, image)[-1])


def test_stripes_flat_and_single_pixels():
    labels = np.repeat([[1, 2, 0, 3]], [4, 4, 1, 1], axis=1).repeat(4, axis=0)
    labels[1:, -1] = 0
    image = np.tile([0, 9, 0, 9, 5, 5, 5, 5, 0, 7], (4, 1))
    contrast, homogeneity, correlation, entropy = textures(labels, image).T
    assert contrast[0] == pytest.approx(15**2 * 30 / 42)  # 12 pairs along the stripes, 30 across
    assert correlation[0] < -0.4 and homogeneity[0] < 0.4 and entropy[0] > 0.8
    assert [contrast[1], homogeneity[1], correlation[1], entropy[1]] == [0, 1, 1, 0]
    assert np.isnan([contrast[2], homogeneity[2], correlation[2], entropy[2]]).all()
