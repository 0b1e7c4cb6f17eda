import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from stage2_trees.pieces import find_pieces, largest_piece


def test_pixels_are_listed_by_piece():
    mask = np.array([[1, 0, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1]], bool)
    pixels, neighbours, bounds = find_pieces(mask)
    assert pixels.tolist() == [0, 4, 2, 3, 7, 11, 9]
    assert bounds.tolist() == [0, 2, 6, 7]
    assert neighbours[:2].tolist() == [[1, -1, -1, -1], [-1, 0, -1, -1]]
    assert neighbours[3].tolist() == [2, -1, -1, 0]
    assert neighbours[6].tolist() == [-1, -1, -1, -1]
    assert largest_piece(bounds) == 4


@given(arrays(bool, (7, 8)))
def test_places_lead_to_the_neighbours(mask):
    pixels, neighbours, bounds = find_pieces(mask)
    expected = label(mask, connectivity=1)
    assert sorted(pixels) == np.flatnonzero(mask).tolist()
    assert bounds.size == expected.max() + 1
    padded = np.pad(mask, 1)
    for i in range(bounds.size - 1):
        piece = pixels[bounds[i] : bounds[i + 1]]
        assert (piece == np.flatnonzero(expected == i + 1)).all()
        for place, pixel in enumerate(piece):
            y, x = divmod(pixel, 8)
            beside = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
            for other, (yy, xx) in zip(neighbours[bounds[i] + place], beside, strict=True):
                assert (other >= 0) == padded[yy + 1, xx + 1]
                assert other < 0 or piece[other] == yy * 8 + xx


def test_an_empty_mask_has_no_pieces():
    pixels, neighbours, bounds = find_pieces(np.zeros((3, 2), bool))
    assert (pixels.size, neighbours.shape, bounds.tolist()) == (0, (0, 4), [0])
    assert largest_piece(bounds) == 0
