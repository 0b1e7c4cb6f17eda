import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from stage1_unet import make_targets

CONTACT = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 2, 2, 2, 0],
        [0, 1, 1, 1, 2, 2, 2, 0],
        [0, 1, 1, 1, 2, 2, 2, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
)
DRAWN = {
    "body": ["........", ".######.", ".######.", ".######.", "........"],
    "border": ["........", ".######.", ".#.##.#.", ".######.", "........"],
    "separation": ["..####.."] * 5,
}


def drawn(mask):
    return ["".join(".#"[int(value)] for value in row) for row in mask]


def two_squares(gap):
    labels = np.zeros((9, 14 + gap), np.int32)
    labels[1:8, 1:7] = 1
    labels[1:8, 7 + gap : 13 + gap] = 2
    return labels


def test_border_is_the_inner_contour_of_each():
    _, border, _ = make_targets(two_squares(0))
    assert drawn(border)[1:4] == [".############.", ".#....##....#.", ".#....##....#."]


@pytest.mark.parametrize(
    ("gap", "row"),
    [
        (0, ".....####....."),
        (1, "......###......"),
        (2, ".......##......."),
        (3, "........#........"),
        (4, ".................."),
    ],
)
def test_separation_of_touching_and_near_squares(gap, row):
    _, _, separation = make_targets(two_squares(gap))
    assert drawn(separation)[4] == row


@pytest.mark.parametrize(("side", "band"), [(17, 1), (18, 2), (44, 2), (45, 3)])
def test_band_widens_with_area(side, band):
    labels = np.zeros((50, 50), np.int32)
    labels[1 : side + 1, 1 : side + 1] = 1
    _, border, _ = make_targets(labels)
    assert border[side // 2].sum() == 2 * band


def test_width_of_the_smaller_neighbour_counts():
    labels = np.zeros((60, 80), np.int32)
    labels[5:55, 5:55] = 1
    labels[25:35, 55:65] = 2
    assert make_targets(labels)[2][30].sum() == 4


def test_image_edge_is_no_contour():
    assert make_targets(np.ones((5, 5), np.int32)).sum(axis=(1, 2)).tolist() == [25, 0, 0]


def test_no_nucleus():
    assert not make_targets(np.zeros((3, 4), np.uint16)).any()


def test_many_ids_stay_apart():
    labels = np.arange(70_000, dtype=np.int32).reshape(250, 280)
    body, border, separation = make_targets(labels)
    assert body.sum() == labels.size - 1
    assert border[1:, 1:].all() and separation.all()


@pytest.mark.parametrize(
    "channels",
    [
        ("body",),
        ("body", "border"),
        ("body", "separation"),
        ("body", "border", "separation"),
        ("separation",),
    ],
)
def test_channels_asked_for(channels):
    targets = make_targets(CONTACT, channels)
    assert targets.dtype == np.float32
    assert [drawn(mask) for mask in targets] == [DRAWN[name] for name in channels]


def test_uncertain_is_background():
    uncertain = CONTACT.copy()
    uncertain[uncertain == 2] = -1
    alone = np.where(CONTACT == 1, 1, 0)
    assert np.array_equal(
        make_targets(uncertain, distance=True), make_targets(alone, distance=True)
    )
    assert not make_targets(np.full((4, 5), -7), distance=True).any()


def test_distance_is_one_in_the_middle_of_each():
    labels = np.zeros((9, 16), np.int32)
    labels[1:8, 1:8] = 5
    labels[1:8, 8:11] = 2
    *_, distance = make_targets(labels, ("body",), distance=True)
    assert (4 * distance[4]).tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 2, 4, 2, 0, 0, 0, 0, 0]
    assert distance[1, 1:8].tolist() == [0.25] * 7
    assert (distance > 0).tolist() == (labels > 0).tolist()


def test_distance_goes_on_beyond_the_image():
    labels = np.zeros((5, 8), np.int32)
    labels[:, :6] = 1
    *_, distance = make_targets(labels, distance=True)
    assert (6 * distance[0]).tolist() == pytest.approx([6, 5, 4, 3, 2, 1, 0, 0])
    assert make_targets(np.ones((3, 3), int), ("body",), distance=True)[1].tolist() == [[1] * 3] * 3


def touching(labels):
    """Pixels with another nucleus among their four neighbours."""
    contact = np.zeros(labels.shape, bool)
    for one, other in (
        (np.s_[1:], np.s_[:-1]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ):
        meet = (labels[one] != labels[other]) & (labels[one] > 0) & (labels[other] > 0)
        contact[one] |= meet
        contact[other] |= meet
    return contact


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.int16, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-1, 4)
    ),
    st.integers(1, 9),
)
def test_touching_nuclei_always_get_a_separation(labels, zoom):
    labels = np.kron(labels, np.ones((zoom, zoom), np.int16))
    body, border, separation, distance = make_targets(labels, distance=True)
    assert separation[touching(labels)].all() and border[touching(labels)].all()
    assert (border <= body).all() and ((distance > 0) == (body > 0)).all()
    assert distance.max(initial=0) <= 1
    if len(np.unique(labels[labels > 0])) < 2:
        assert not separation.any()
