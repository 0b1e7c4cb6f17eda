import numpy as np
import pytest
from skimage.segmentation import expand_labels

from nucleisplit.measure import Measures, Touches, measure

LABELS = np.array(
    [
        [1, 1, 5, 5, 0, 0, 0],
        [1, 1, 5, 5, 0, 8, 8],
        [0, 0, 3, 3, 0, 8, 8],
        [9, 9, 0, 0, 0, 0, 0],
    ]
)


def test_touching_is_sharing_an_edge():
    table = measure(LABELS, LABELS, measures=Measures(("neighbours",)))
    assert table["label"].tolist() == [1, 3, 5, 8, 9]
    assert table["neighbours_touching"].tolist() == [1, 1, 2, 0, 0]  # 1 and 3: a corner only


@pytest.mark.parametrize("heights", [[4], [1, 1, 1, 1], [2, 2], [3, 1]])
def test_bands_give_what_the_whole_gives(heights):
    touches = Touches()
    for band in np.split(LABELS, np.cumsum(heights)[:-1]):
        touches.add(band)
    assert touches.pairs().tolist() == [[1, 5], [3, 5]]


def test_touching_of_many(blobs):
    labels = expand_labels(blobs(0), 3)
    expected = set()
    for a, b in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        both = (a != b) & (a > 0) & (b > 0)
        expected |= {tuple(sorted(pair)) for pair in zip(a[both].tolist(), b[both].tolist())}
    touches = Touches()
    touches.add(labels)
    assert list(map(tuple, touches.pairs().tolist())) == sorted(expected)


def test_near_and_next():
    labels = np.zeros((3, 40), int)
    labels[1, [2, 5, 11, 31]] = [1, 2, 3, 4]
    options = {"measures": Measures(("neighbours",), radius=6), "pixel_size": (0.5, 0.5)}
    table = measure(labels, labels, **options)
    assert table["neighbours_near"].tolist() == [1, 2, 1, 0]  # as far as the radius is near
    assert table["neighbour_distance"].tolist() == [3, 3, 6, 20]
    assert table["neighbour_distance_um"].tolist() == [1.5, 1.5, 3, 10]


def test_the_radius_is_three_typical_diameters():
    assert Measures().near(np.array([np.pi, 4 * np.pi, 25 * np.pi])) == pytest.approx(12)
    assert Measures(radius=7.5).near(np.array([4])) == 7.5
    assert Measures().near(np.array([])) is None


def test_pixels_that_are_no_squares():
    labels = np.zeros((9, 9), int)
    labels[0, 0], labels[0, 4], labels[3, 0] = 1, 2, 3
    table = measure(labels, labels, measures=Measures(("neighbours",)), pixel_size=(2, 0.5))
    assert table["neighbour_distance"].tolist() == [3, 4, 3]
    assert table["neighbour_distance_um"].tolist() == [2, 2, 6]


def test_one_and_none():
    one = measure(np.ones((2, 2), int), np.ones((2, 2)))
    assert one["neighbours_near"].tolist() == one["neighbours_touching"].tolist() == [0]
    assert one["neighbour_distance"].isna().all()
    assert not len(measure(np.zeros((2, 2), int), np.ones((2, 2))))
