import numpy as np
import pandas as pd
import pytest
from skimage.io import imsave

from nucleisplit.config import PseudoConfig
from nucleisplit.errors import ConfigError
from nucleisplit.result import Segmentation
from nucleisplit.segmenter import Segmenter
from nucleisplit.training.pseudo import images_fingerprint, pseudo_labels, pseudo_pairs
from stage1_unet import PreprocessConfig

CONFIG = PseudoConfig(min_iou=0.8, min_map=0.5, max_background=0.2)


def result(*predicted, quality=0.6):
    """Two nuclei and one pixel of doubt."""
    labels = np.array([[1, 1, 0, 2, 0, 0]], np.int32)
    body = np.array([[0.9, 0.9, 0.1, 0.8, 0.3, 0.2]], np.float32)
    maps = np.stack([body, 0 * body, 0 * body])
    return Segmentation(labels, pd.DataFrame({"predicted_iou": predicted}), quality, maps)


def test_sure_nuclei_are_kept_and_the_rest_is_uncertain():
    assert pseudo_labels(result(0.9, 0.6), CONFIG).tolist() == [[1, 1, 0, -1, -1, 0]]
    assert pseudo_labels(result(0.6, 0.8), CONFIG).tolist() == [[-1, -1, 0, 2, -1, 0]]


@pytest.mark.parametrize("image", [result(0.9, 0.9, quality=0.4), result(0.7, 0.7)])
def test_doubtful_images_are_left_out(image):
    assert pseudo_labels(image, CONFIG) is None


def test_an_image_without_nuclei_is_left_out():
    empty = Segmentation(
        np.zeros((4, 4), np.int32),
        pd.DataFrame({"predicted_iou": np.zeros(0)}),
        0.0,
        np.zeros((3, 4, 4), np.float32),
    )
    assert pseudo_labels(empty, CONFIG) is None


@pytest.fixture
def folder(tmp_path, spots):
    for number in range(2):
        image, _ = spots(seed=50 + number, shape=(64, 64), count=5)
        imsave(tmp_path / f"{number}.png", image, check_contrast=False)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    return tmp_path


def test_a_folder_becomes_pairs_with_their_share_of_the_crops(folder, model):
    lines = []
    config = PseudoConfig(min_iou=0.3, min_map=0.1, share=0.2)
    pairs = pseudo_pairs(
        folder, Segmenter(model, device="cpu"), config, PreprocessConfig(), 8.0, lines.append
    )
    assert len(pairs) == 2
    assert [pair.weight for pair in pairs] == pytest.approx([1.0, 1.0])  # 2 of 10
    assert all(pair.labels.max() > 0 and pair.image.shape == (64, 64, 3) for pair in pairs)
    assert any("broken.png" in line for line in lines)
    assert "in 2 of 3 images" in lines[-1]


def test_nothing_good_enough_is_an_error(folder, model):
    config = PseudoConfig(min_iou=1.0)
    with pytest.raises(ConfigError, match="none of 3 images.*lower"):
        pseudo_pairs(
            folder, Segmenter(model, device="cpu"), config, PreprocessConfig(), 1.0, lambda _: None
        )


def test_the_fingerprint_follows_names_and_contents(folder):
    paths = sorted(folder.iterdir())
    before = images_fingerprint(paths)
    assert images_fingerprint(paths[::-1]) == before
    paths[0].write_bytes(b"changed")
    assert images_fingerprint(paths) != before
