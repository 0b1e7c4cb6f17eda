"""Tables of nuclei in every format: the round trip of any table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nucleisplit.tables import csv_rows, read_nuclei, write_nuclei

numbers = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False) | st.just(np.nan)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@st.composite
def tables(draw):
    n = draw(st.integers(0, 5))

    def column(values, kind):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)), kind)

    return pd.DataFrame(
        {
            "image": column(texts.map("a{}.png".format), object),
            "label": column(st.integers(1, 2**31 - 1), np.int64),
            "area": column(st.integers(0, 2**24), np.int64),
            "solidity": column(numbers, np.float64),
            "centroid-0": column(numbers, np.float64),
            "touches_edge": column(st.booleans(), bool),
        }
    )


@pytest.mark.parametrize("ending", ["csv", "parquet", "h5ad"])
@settings(max_examples=40, deadline=None)
@given(table=tables())
def test_any_table_comes_back(tmp_path_factory, ending, table):
    path = tmp_path_factory.mktemp("tables") / f"a.{ending}"
    write_nuclei(path, table)
    again = read_nuclei(path)
    tolerance = {"csv": 1e-5, "parquet": 0, "h5ad": 1e-6}[ending]
    pd.testing.assert_frame_equal(again, table, check_dtype=False, rtol=tolerance, atol=1e-37)


@settings(max_examples=60, deadline=None)
@given(table=tables())
def test_lines_are_those_of_pandas(table):
    expected = table.to_csv(index=False, header=False, float_format="%.6g", lineterminator="\n")
    assert csv_rows(table) == expected
