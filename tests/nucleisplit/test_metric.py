import numpy as np
import pytest

from nucleisplit.metric import THRESHOLDS, score_image, summarize, summarize_groups


def row(*runs):
    """Return a one-row label image from (label, length) runs."""
    return np.concatenate([np.full(length, label) for label, length in runs])[None]


def test_thresholds():
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@pytest.mark.parametrize(
    ("shared", "hits"), [(10, 0), (11, 1), (12, 2), (13, 3), (14, 4), (19, 9), (20, 10)]
)
def test_a_match_is_strictly_above_the_threshold(shared, hits):
    truth = row((1, 20))
    predicted = row((7, shared), (0, 20 - shared))  # IoU = shared / 20, exactly a threshold
    score = score_image(predicted, truth)
    assert score.hits == (1,) * hits + (0,) * (10 - hits)
    assert score.map == hits / 10


def test_hand_counted():
    truth = row((1, 10), (2, 10), (0, 5), (3, 10))
    predicted = row((4, 10), (5, 4), (6, 6), (8, 5), (0, 10))
    score = score_image(predicted, truth, "x")
    # 4 matches 1 wholly; 6 matches 2 with IoU 0.6, so at 0.50 and 0.55; 5 and 8 are false.
    assert score.hits == (2, 2, 1, 1, 1, 1, 1, 1, 1, 1)
    assert (score.true_count, score.predicted_count) == (3, 4)
    assert score.ap[0] == 2 / (2 + 2 + 1) and score.ap[9] == 1 / (1 + 3 + 2)
    assert score.map == pytest.approx((2 * 2 / 5 + 8 / 6) / 10)
    assert score.iou_sum == 1.6
    assert score.dice == pytest.approx(2 * 20 / (30 + 25))
    total = summarize([score])
    assert (total.precision, total.recall) == (2 / 4, 2 / 3)
    assert total.f1 == pytest.approx(4 / 7)
    assert total.segmentation_quality == pytest.approx(0.8)
    assert total.panoptic_quality == pytest.approx(4 / 7 * 0.8)


EMPTY, FULL = row((0, 4)), row((3, 4))


@pytest.mark.parametrize(
    ("predicted", "truth", "value"), [(EMPTY, EMPTY, 1), (FULL, EMPTY, 0), (EMPTY, FULL, 0)]
)
def test_empty_images(predicted, truth, value):
    score = score_image(predicted, truth)
    assert score.map == value and score.dice == value
    total = summarize([score])
    for name in ("map", "map_pooled", "precision", "recall", "f1", "panoptic_quality",
                 "segmentation_quality", "dice", "dice_pooled"):  # fmt: skip
        assert getattr(total, name) == value, name


def test_mean_over_images_differs_from_pooled():
    right = score_image(row((1, 5)), row((2, 5)), "right")
    wrong = score_image(row((1, 2), (2, 2), (3, 2), (0, 9)), row((0, 6), (1, 9)), "wrong")
    total = summarize([right, wrong])
    assert total.images == 2 and total.map == 0.5
    assert total.map_pooled == pytest.approx(1 / 5)
    assert total.ap == (0.5,) * 10
    assert total.dice == 0.5 and total.dice_pooled == pytest.approx(10 / 25)
    by_group = summarize_groups([right, wrong], {"right": "b", "wrong": "a"})
    assert list(by_group) == ["a", "b"]
    assert by_group["a"].map == 0 and by_group["b"].map == 1


def test_labels_may_be_any_numbers():
    truth = np.kron(np.eye(3, dtype=int), np.ones((4, 4), int)) * np.repeat([5, 900, 17], 4)
    shuffled = np.select([truth == 5, truth == 900, truth == 17], [40, 2, 3])
    assert score_image(shuffled, truth).map == 1


def test_as_dict_names_thresholds():
    content = summarize([score_image(FULL, FULL)]).as_dict()
    assert content["ap"] == {f"{t:.2f}": 1.0 for t in THRESHOLDS}
    assert content["images"] == 1 and content["map"] == 1.0


def test_refuses():
    with pytest.raises(ValueError, match="no images"):
        summarize([])
    with pytest.raises(ValueError, match="shape"):
        score_image(EMPTY, row((0, 5)))


def test_agrees_with_a_plain_matrix_of_ious():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 5, (6, 6)).repeat(5, 0).repeat(5, 1)
    predicted = np.where(rng.random(truth.shape) < 0.85, truth, rng.integers(0, 7, truth.shape))
    true_ids, ids = np.unique(truth[truth > 0]), np.unique(predicted[predicted > 0])
    iou = np.array(
        [
            [((predicted == a) & (truth == b)).sum() / ((predicted == a) | (truth == b)).sum()
             for b in true_ids]
            for a in ids
        ]
    )  # fmt: skip
    hits = [(iou > t).sum() for t in THRESHOLDS]
    expected = [h / (len(ids) + len(true_ids) - h) for h in hits]
    assert 0 < hits[0]
    np.testing.assert_allclose(score_image(predicted, truth).ap, expected)
