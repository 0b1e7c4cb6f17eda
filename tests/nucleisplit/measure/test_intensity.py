import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nucleisplit.measure import measure

SHARES = {"intensity_p5": 5, "intensity_median": 50, "intensity_p95": 95}


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.int32, (6, 7), elements=st.integers(0, 2)),
    st.one_of(
        arrays(np.uint8, (6, 7)),
        arrays(np.int32, (6, 7)),
        arrays(np.float64, (6, 7), elements=st.floats(-1e6, 1e6)),
    ),
)
def test_percentiles_are_those_of_numpy(labels, image):
    table = measure(labels, image).set_index("label")
    for label, row in table.iterrows():
        own = image[labels == label].astype(float)
        expected = np.percentile(own, list(SHARES.values()))
        assert row[list(SHARES)].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)
        assert row["intensity_std"] == pytest.approx(own.std(), rel=1e-9, abs=1e-6)


def test_a_hot_pixel_moves_the_maximum_alone():
    image = np.full((5, 5), 100, np.uint16)
    image[2, 2] = 65535
    (row,) = measure(np.ones((5, 5), int), image).to_dict("records")
    assert [row[f"intensity_{what}"] for what in ("min", "p5", "median", "p95", "max")] == [
        *[100] * 4,
        65535,
    ]
