import numpy as np
import pytest

from nucleisplit.errors import ConfigError
from nucleisplit.measure import Expansion, Measures, expand, measure, measure_cells


def test_nuclei_grow_by_whole_pixels_and_not_over_the_edge_of_the_image():
    nuclei = np.zeros((4, 5), np.int32)
    nuclei[0, 1] = 7
    assert expand(nuclei, Expansion(1)).tolist() == [
        [7, 7, 7, 0, 0],
        [0, 7, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    assert expand(nuclei, Expansion(1)).dtype == np.int32
    assert (expand(nuclei, Expansion(100)) == 7).all()


def test_an_expansion_larger_than_the_gap_divides_it_by_the_nearest_nucleus():
    assert expand(np.array([[2, 0, 0, 0, 0, 1]]), Expansion(50)).tolist() == [[2, 2, 2, 1, 1, 1]]


def test_a_tie_goes_to_one_of_the_two_wherever_in_the_image_it_is():
    row = np.array([[2, 0, 1]])
    (middle,) = {
        int(expand(np.pad(row, ((0, 0), (at, 0))), Expansion(3))[0, at + 1]) for at in (0, 7)
    }
    assert middle in (1, 2)


def test_a_part_of_an_image_grows_as_the_whole_does_given_the_margin():
    rng = np.random.default_rng(0)
    nuclei = np.where(rng.random((60, 70)) < 0.02, rng.integers(1, 500, (60, 70)), 0)
    size = (0.5, 0.7)
    expansion = Expansion(3, "um")
    down, across = expansion.margin(size)
    assert (down, across) == (6, 5)
    whole = expand(nuclei, expansion, size)
    part = expand(nuclei[20 - down : 40 + down, 30 - across : 50 + across], expansion, size)
    np.testing.assert_array_equal(part[down:-down, across:-across], whole[20:40, 30:50])


def test_micrometres_count_by_the_height_and_width_of_a_pixel():
    nuclei = np.zeros((5, 5), int)
    nuclei[2, 2] = 1
    grown = expand(nuclei, Expansion.of("1um"), (1.0, 0.5))
    assert grown.sum(axis=0).tolist() == [1, 1, 3, 1, 1]


@pytest.mark.parametrize(
    ("given", "length", "unit"),
    [(10, 10, "px"), ("2.5", 2.5, "px"), ("3px", 3, "px"), ("5um", 5, "um"), ("5 µm", 5, "um")],
)
def test_expansions_are_read(given, length, unit):
    assert Expansion.of(given) == Expansion(length, unit)


@pytest.mark.parametrize("given", ["", "um", "5 mm", "ten", "0", "-1", "nan", "1e999"])
def test_what_is_no_expansion_is_refused(given):
    with pytest.raises(ConfigError, match="give"):
        Expansion.of(given)


def test_micrometres_need_the_size_of_a_pixel():
    with pytest.raises(
        ConfigError, match="by 5um: the size of a pixel is not known; give .* pixels"
    ):
        expand(np.eye(2, dtype=int), Expansion.of("5um"))


def test_an_expansion_beyond_any_cell_is_refused():
    with pytest.raises(ConfigError, match="2000px, more than 1000 pixels"):
        expand(np.eye(2, dtype=int), Expansion(2000))
    with pytest.raises(ConfigError, match="11um, more than 1000 pixels"):
        expand(np.eye(2, dtype=int), Expansion.of("11um"), (0.01, 0.5))


NUCLEI = np.array([[0, 0, 0, 0, 0, 0], [0, 5, 5, 0, 0, 9]])
CELLS = np.array([[0, 5, 5, 0, 0, 0], [5, 5, 5, 5, 0, 9]])
IMAGE = np.array([[1, 2, 4, 8, 16, 32], [64, 10, 20, 30, 40, 50]])


def test_cells_and_their_cytoplasm_are_measured():
    table = measure_cells(CELLS, NUCLEI, IMAGE, pixel_size=(0.5, 2.0))
    assert table["label"].tolist() == [5, 9]
    assert table["area"].tolist() == [6, 1]
    assert table["area_um2"].tolist() == [6, 1]
    assert table["intensity_max"].tolist() == [64, 50]
    assert table["cytoplasm_area"].tolist() == [4, 0]
    assert table["cytoplasm_area"].dtype == np.int64
    assert table["cytoplasm_area_um2"].tolist() == [4, 0]
    assert table["cytoplasm_intensity_mean"].tolist()[0] == (2 + 4 + 64 + 30) / 4
    assert np.isnan(table["cytoplasm_intensity_mean"].tolist()[1])
    assert "predicted_iou" not in table and "cytoplasm_bbox-0" not in table


def test_the_nucleus_and_its_cytoplasm_make_the_cell():
    nuclei = measure(NUCLEI, IMAGE)
    table = measure_cells(CELLS, NUCLEI, IMAGE)
    np.testing.assert_array_equal(table["area"], nuclei["area"] + table["cytoplasm_area"])


def test_each_channel_is_measured_in_the_cytoplasm():
    channels = np.stack([IMAGE, 100 * IMAGE], axis=-1)
    table = measure_cells(CELLS, NUCLEI, IMAGE, channels=channels)
    assert table["cytoplasm_intensity_mean-1"][0] == 2500
    assert list(table).index("cytoplasm_intensity_mean-1") > list(table).index("intensity_mean-1")


def test_without_intensities_areas_are_measured():
    table = measure_cells(CELLS, NUCLEI, IMAGE, Measures(("shape",)))
    assert not [name for name in table if "intensity" in name or "perimeter" in name]
    assert table["cytoplasm_area"].tolist() == [4, 0]


def test_no_nuclei_are_no_cells():
    table = measure_cells(*[np.zeros((3, 3), int)] * 3, pixel_size=(1.0, 1.0))
    assert len(table) == 0 and "cytoplasm_intensity_mean" in table
