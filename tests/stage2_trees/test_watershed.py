import numpy as np
import pytest

from stage2_trees import ThresholdConfig, threshold_labels


def field(body, separation=None, border=None):
    body = np.asarray(body, np.float32)
    rest = [np.zeros_like(body) if m is None else np.asarray(m) for m in (border, separation)]
    return np.stack([body, *rest]).astype(np.float32)


def two_touching():
    """Two 8x8 squares side by side, 16 px wide together, with their contact as separation."""
    body, separation = np.zeros((12, 20)), np.zeros((12, 20))
    body[2:10, 2:18] = 0.9
    separation[2:10, 9:11] = 0.9
    return field(body, separation)


def test_touching_squares_part_at_the_separation_and_keep_it():
    labels = threshold_labels(two_touching())
    assert labels.dtype == np.int32
    assert (labels[2:10, 2:10] == 1).all()
    assert (labels[2:10, 10:18] == 2).all()
    assert (labels > 0).sum() == 128


def test_without_separation_they_are_one():
    maps = two_touching()
    maps[2] = 0
    assert threshold_labels(maps).max() == 1


def test_border_weight_parts_what_only_the_border_shows():
    maps = two_touching()
    maps[1], maps[2] = maps[2], 0
    assert threshold_labels(maps).max() == 1
    assert threshold_labels(maps, ThresholdConfig(border_weight=1)).max() == 2


def test_a_diagonal_line_separates():
    body = np.full((12, 12), 0.9)
    separation = np.eye(12)
    labels = threshold_labels(field(body, separation))
    assert labels.max() == 2
    assert (labels > 0).all()
    assert labels[0, 11] != labels[11, 0]


def test_holes_are_filled_but_not_the_gap_between_several_nuclei():
    body = np.zeros((11, 11))
    body[1:10, 1:10] = 1
    body[4:7, 4:7] = 0
    assert (threshold_labels(field(body)) == 1).sum() == 81
    separation = np.zeros((11, 11))
    separation[:, 5] = 1
    separation[4:7, 4:7] = 0
    labels = threshold_labels(field(body, separation))
    assert labels.max() == 2
    assert labels[5, 5] == 0


def test_specks_and_weak_areas_are_dropped():
    body = np.zeros((20, 20))
    body[2:4, 2:4] = 1
    body[10:16, 10:16] = 0.45
    assert threshold_labels(field(body)).max() == 0
    assert threshold_labels(field(body), ThresholdConfig(min_area=4)).max() == 1
    assert threshold_labels(field(body), ThresholdConfig(seed=0.4, body=0.4)).max() == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1)])
@pytest.mark.parametrize("value", [0, 1])
def test_constant_maps_of_any_size(shape, value):
    labels = threshold_labels(np.full((3, *shape), value, np.float32))
    assert labels.shape == shape
    assert (labels == 0).all()


def test_full_body_is_one_nucleus():
    labels = threshold_labels(field(np.ones((5, 6))))
    assert (labels == 1).all()


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.zeros((2, 4, 4)), r"got shape \(2, 4, 4\)"),
        (np.zeros((3, 0, 4)), r"at least 1, got shape \(3, 0, 4\)"),
        (np.full((3, 2, 2), np.nan), "12 values that are NaN or infinite"),
        (np.full((3, 2, 2), 255.0), r"must lie in \[0, 1\], got 255 to 255"),
        (np.zeros((3, 2, 2), complex), "must hold numbers, got dtype complex128"),
    ],
)
def test_bad_maps_are_named(maps, message):
    with pytest.raises(ValueError, match=message):
        threshold_labels(maps)


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="seeds"):
        ThresholdConfig(seeds=0.5)
