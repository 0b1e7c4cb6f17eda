"""Scores by class, against a computation that goes through all nuclei one by one."""

import numpy as np
import pytest

from nucleisplit.class_metric import compare_classes, summarize_classes

CLASSES = ["a", "b", "c"]


def draw(seed):
    """Truth and prediction of an image: squares, moved, left out and made up; classes of most."""
    random = np.random.default_rng(seed)
    truth, found = np.zeros((60, 60), np.int32), np.zeros((60, 60), np.int32)
    true_classes, found_classes = {}, {}
    for number, place in enumerate(np.ndindex(5, 5), start=1):
        y, x = 12 * np.array(place)
        kind = str(random.choice(CLASSES[:2] if seed else CLASSES[:1]))
        if random.random() < 0.8:
            truth[y : y + 8, x : x + 8] = number
            if random.random() < 0.9:
                true_classes[number] = kind
        if random.random() < 0.8:
            dy, dx = random.integers(0, 4, 2)
            found[y + dy : y + dy + 8, x + dx : x + dx + 8] = 100 - number
            if random.random() < 0.9:
                told = str(random.choice(CLASSES)) if random.random() < 0.3 else kind
                found_classes[100 - number] = told
    return found, truth, found_classes, true_classes


IMAGES = [draw(seed) for seed in range(4)]


def pairs_of(found, truth):
    """All pairs with an IoU above 0.5: label found, true label, IoU."""
    for a in set(found[found > 0].tolist()):
        for b in set(truth[truth > 0].tolist()):
            iou = ((found == a) & (truth == b)).sum() / ((found == a) | (truth == b)).sum()
            if iou > 0.5:
                yield a, b, iou


def naive_pq(found, truth):
    """PQ of the nuclei of one class, as PanNuke computes it; NaN where the truth is empty."""
    if not truth.any():
        return np.nan
    iou = [iou for _, _, iou in pairs_of(found, truth)]
    fp = len(np.unique(found)) - 1 - len(iou)
    fn = len(np.unique(truth)) - 1 - len(iou)
    return sum(iou) / (len(iou) + fp / 2 + fn / 2)


def only(labels, classes, name):
    return np.where(np.isin(labels, [n for n, each in classes.items() if each == name]), labels, 0)


@pytest.fixture(scope="module")
def summary():
    return summarize_classes([compare_classes(*image, CLASSES) for image in IMAGES], CLASSES)


def test_f_of_hovernet(summary):
    """Types and detection as its compute_stats.py counts them; -1 are pairs without a true type."""
    true, told, lone_true, lone_found, counts = [], [], [], [], np.zeros(3)
    for found, truth, found_classes, true_classes in IMAGES:
        pairs = list(pairs_of(found, truth))
        true += [true_classes.get(b, -1) for _, b, _ in pairs]
        told += [found_classes.get(a) for a, _, _ in pairs]
        rest_found = set(np.unique(found)) - {0} - {a for a, _, _ in pairs}
        rest_true = set(np.unique(truth)) - {0} - {b for _, b, _ in pairs}
        lone_found += [found_classes.get(a) for a in rest_found]
        lone_true += [true_classes.get(b) for b in rest_true]
        counts += len(pairs), len(rest_found), len(rest_true)
    pairs, fp, fn = counts
    assert summary.f_detection == pytest.approx(2 * pairs / (2 * pairs + fp + fn))
    for number, name in enumerate(CLASSES):
        tp = sum(a == b == name for a, b in zip(true, told, strict=True))
        fp_c = sum(b == name and a not in (name, -1) for a, b in zip(true, told, strict=True))
        fn_c = sum(a == name and b != name for a, b in zip(true, told, strict=True))
        fp_d, fn_d = lone_found.count(name), lone_true.count(name)
        expected = 2 * tp / max(2 * tp + 2 * fp_c + 2 * fn_c + fp_d + fn_d, 1)
        assert summary.f_type[number] == pytest.approx(expected)
        assert summary.precision[number] == pytest.approx(tp / max(tp + fp_c + fp_d, 1))
        assert summary.recall[number] == pytest.approx(tp / max(tp + fn_c + fn_d, 1))
        f1 = 2 * tp / max(2 * tp + fp_c + fn_c + fp_d + fn_d, 1)
        assert summary.f1[number] == pytest.approx(f1)
        assert summary.total.missed[number] == fn_d and summary.total.spurious[number] == fp_d


def test_mpq_of_pannuke():
    """The mean over images of the mean over the classes that each has, of nuclei with a class."""
    images = []
    for found, truth, found_classes, true_classes in IMAGES:
        # PanNuke has no nuclei without a class
        unknown = [b for b in np.unique(truth) if b and b not in true_classes]
        beside = {a for a, b, _ in pairs_of(found, truth) if b in unknown}
        found = np.where(np.isin(found, list(beside)), 0, found)
        images.append(
            (found, np.where(np.isin(truth, unknown), 0, truth), found_classes, true_classes)
        )
    scores = summarize_classes([compare_classes(*image, CLASSES) for image in images], CLASSES)
    of_images = [
        [naive_pq(only(found, told, name), only(truth, true, name)) for name in CLASSES]
        for found, truth, told, true in images
    ]
    assert np.isnan(of_images[0][1])  # one class only
    assert scores.mpq == pytest.approx(np.mean([np.nanmean(each) for each in of_images]))


def test_mpq_plus_of_conic(summary):
    """One PQ of each class, as if all images were one."""
    truth = np.concatenate([np.where(t, t + 1000 * i, 0) for i, (_, t, _, _) in enumerate(IMAGES)])
    found = np.concatenate([np.where(f, f + 1000 * i, 0) for i, (f, _, _, _) in enumerate(IMAGES)])
    told, true = (
        {
            label + 1000 * i: name
            for i, each in enumerate(IMAGES)
            for label, name in each[at].items()
        }
        for at in (2, 3)
    )
    unknown = [b for b in np.unique(truth) if b and b not in true]
    beside = [a for a, b, _ in pairs_of(found, truth) if b in unknown]
    found = np.where(np.isin(found, beside), 0, found)
    expected = [naive_pq(only(found, told, name), only(truth, true, name)) for name in CLASSES]
    np.testing.assert_allclose(summary.total.pq, expected)
    assert summary.mpq_plus == pytest.approx(np.nanmean(expected))


def test_pairs_of_nuclei_without_a_class_do_not_count():
    labels = np.array([[1, 1, 0, 2, 2]])
    one = compare_classes(labels, labels, {1: "a", 2: "b"}, {1: "a"}, ["a", "b"])
    scores = summarize_classes([one], ["a", "b"]).as_dict()
    assert scores["found"] == [1, 0] and scores["spurious"] == [0, 0]
    assert scores["f1"] == [1, 0] and scores["macro_f1"] == 1 == scores["f_detection"]
    other = compare_classes(labels, labels, {1: "a"}, {1: "a", 2: "b"}, ["a", "b"])
    assert other.unnamed.tolist() == [0, 1] and other.true.tolist() == [1, 1]
