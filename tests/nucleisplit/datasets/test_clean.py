import numpy as np
import pytest
from pydantic import ValidationError

from nucleisplit.datasets import CleaningConfig, CleaningNotes, clean_labels

KEEP_ALL = CleaningConfig(min_area=1, crumb_fraction=0)


def grid(text):
    return np.array([[int(c) if c != "." else 0 for c in row] for row in text.split()])


def check(before, after, config=None, **counts):
    labels, notes = clean_labels(grid(before), config)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, grid(after))
    assert notes == CleaningNotes(**counts)


def test_clean_labels_are_only_renumbered():
    check(".99.33 .99.33", ".22.11 .22.11")


def test_empty_image():
    check("... ...", "... ...")


def test_hole_inside_one_instance_is_filled():
    check("555. 5.5. 555.", "111. 111. 111.", holes_filled=1)


def test_every_hole_is_counted():
    check("55555 5.5.5 55555", "11111 11111 11111", holes_filled=2)


def test_hole_closed_by_corners_only_is_filled():
    check(".44. 4..4 .44.", ".11. 1111 .11.", holes_filled=1)


def test_gap_between_two_instances_is_no_hole():
    check("1122 1..2 1122", "1122 1..2 1122")


def test_background_at_the_edge_is_no_hole():
    check("111 1.1 1.1", "111 1.1 1.1")


def test_background_around_a_nucleus_in_a_ring_is_no_hole():
    ring = "11111111 1......1 1.2222.1 1.2222.1 1......1 11111111"
    check(ring, ring)


def test_speck_in_a_hole_goes_with_the_hole():
    check(
        "11111 1...1 1.2.1 1...1 11111", " ".join(["11111"] * 5), holes_filled=1, specks_dropped=1
    )


def test_speck_is_dropped_at_min_area():
    check("111.22 1...2.", "111... 1.....", specks_dropped=1)
    check("111.22 1...2.", "111.22 1...2.", CleaningConfig(min_area=3))


def test_pieces_become_instances_in_raster_order():
    check(
        "77..33 77..33 ...... 33..77 33..77",
        "33..11 33..11 ...... 22..44 22..44",
        ids_split=2,
        ids_added=2,
    )


def test_corner_contact_is_one_piece():
    check("11.. 11.. ..11 ..11", "11.. 11.. ..11 ..11")


def test_small_pieces_are_crumbs():
    check("1111.1 1111..", "1111.. 1111..", crumbs_dropped=1)
    big = np.zeros((20, 20), int)
    big[:, :15] = 8
    big[:2, 17:19] = 8  # 4 pixels of 304: below a twentieth
    labels, notes = clean_labels(big)
    assert (labels > 0).sum() == 300 and notes == CleaningNotes(crumbs_dropped=1)


def test_keep_pieces_together():
    together = CleaningConfig(min_area=1, crumb_fraction=0, split_pieces=False, fill_holes=False)
    check("33.3 33.. .... 9...", "11.1 11.. .... 2...", together)


def test_notes_add_up_and_read_well():
    notes = CleaningNotes(holes_filled=2) + CleaningNotes(holes_filled=1, overlap_pixels=5)
    assert notes == CleaningNotes(holes_filled=3, overlap_pixels=5)
    assert str(notes) == "3 holes filled, 5 overlap pixels" and notes
    assert str(CleaningNotes()) == "clean" and not CleaningNotes()


def test_cleaning_twice_changes_nothing():
    labels = np.random.default_rng(0).integers(0, 3, (30, 30)).repeat(4, 0).repeat(4, 1)
    once, notes = clean_labels(labels)
    twice, nothing = clean_labels(once)
    assert notes and not nothing
    np.testing.assert_array_equal(once, twice)


def test_matches_a_plain_definition_of_holes():
    from scipy import ndimage as ndi

    labels = (np.random.default_rng(1).random((30, 30)) < 0.7) * np.repeat([1, 2], 15)
    before, _ = clean_labels(labels, KEEP_ALL.model_copy(update={"fill_holes": False}))
    after, _ = clean_labels(labels, KEEP_ALL)
    expected = before.copy()
    regions, count = ndi.label(before == 0)
    for region in range(1, count + 1):
        inside = regions == region
        around = ndi.binary_dilation(inside) & ~inside
        at_edge = inside[0].any() or inside[-1].any() or inside[:, 0].any() or inside[:, -1].any()
        ids = np.unique(before[around])
        if not at_edge and ids.size == 1:
            expected[inside] = ids[0]
    assert (expected != before).any()
    np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("bad", [{"min_area": 0}, {"crumb_fraction": 1}, {"unknown": 1}])
def test_config_refuses(bad):
    with pytest.raises(ValidationError):
        CleaningConfig(**bad)
