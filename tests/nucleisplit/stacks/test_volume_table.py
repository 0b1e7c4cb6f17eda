"""What is measured of volumes."""

import numpy as np
import pytest

from nucleisplit.stacks import VOLUME_COLUMNS, measure_volumes


@pytest.fixture
def labels():
    labels = np.zeros((4, 6, 8), np.int32)
    labels[1:3, 1:4, 2:5] = 1
    labels[3, 4:, 6:] = 2
    return labels


def test_every_column(labels):
    stack = np.where(labels == 1, 7, 3).astype(np.uint16)
    stack[2][labels[2] == 1] = 9
    table = measure_volumes(labels, stack, [0.5, 0.75], voxel_size=(2, 0.5, 0.25))
    assert list(table.columns) == list(VOLUME_COLUMNS)
    first, second = (row._asdict() for row in table.rename(columns=lambda c: c.replace("-", "_"))
                     .itertuples(index=False))  # fmt: skip
    assert [first[f"centroid_{i}"] for i in range(3)] == [1.5, 2, 3]
    assert [first[f"bbox_{i}"] for i in range(6)] == [1, 1, 2, 3, 4, 5]
    assert (first["volume"], first["volume_um3"], first["slices"]) == (18, 4.5, 2)
    assert first["equivalent_diameter"] == pytest.approx((6 * 4.5 / np.pi) ** (1 / 3))
    assert (first["intensity_mean"], first["predicted_iou"], first["touches_edge"]) == (8, 0.5, 0)
    assert (second["volume"], second["slices"], second["touches_edge"]) == (4, 1, True)
    assert table.dtypes["volume"] == table.dtypes["bbox-5"] == np.int64


@pytest.mark.parametrize(
    ("anisotropy", "diameter"), [(3, (6 * 54 / np.pi) ** (1 / 3)), (None, None)]
)
def test_without_a_voxel_size_diameters_are_pixels(labels, anisotropy, diameter):
    table = measure_volumes(labels, labels, anisotropy=anisotropy)
    assert table["volume_um3"].isna().all() and table["predicted_iou"].isna().all()
    found = table.loc[0, "equivalent_diameter"]
    assert np.isnan(found) if diameter is None else found == pytest.approx(diameter)


def test_intensity_is_the_mean_of_the_colours_without_alpha(labels):
    stack = np.zeros((*labels.shape, 4))
    stack[..., 0], stack[..., 1], stack[..., 3] = 3, 6, 100
    assert measure_volumes(labels, stack)["intensity_mean"].tolist() == [3, 3]


def test_nothing_gives_an_empty_table(labels):
    table = measure_volumes(0 * labels, labels)
    assert list(table.columns) == list(VOLUME_COLUMNS) and not len(table)


def test_what_does_not_fit_is_refused(labels):
    with pytest.raises(ValueError, match=r"labels are \(4, 6, 8\), the stack \(4, 6, 7\)"):
        measure_volumes(labels, labels[..., 1:])
    with pytest.raises(ValueError, match="1 values of predicted_iou for 2 volumes"):
        measure_volumes(labels, labels, [0.5])
