import sys

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from PIL import Image

from nucleisplit.cli.main import main
from nucleisplit.errors import ConfigError, InputError, OutputError
from nucleisplit.measure import measure
from nucleisplit.tables import read_nuclei, write_nuclei

LABELS = np.array([[0, 1, 1], [2, 0, 1]])


@pytest.fixture
def table():
    table = measure(LABELS, LABELS * 10, np.array([0.25, 1 / 3]))
    table.insert(0, "image", "Zellkörper, 1.png")
    return table


def test_parquet_keeps_everything(tmp_path, table):
    path = tmp_path / "a b.parquet"
    write_nuclei(path, table)
    pd.testing.assert_frame_equal(read_nuclei(path), table)
    independent = pyarrow.parquet.read_table(path)
    assert independent.column_names == list(table)
    assert independent["predicted_iou"].to_pylist() == [0.25, 1 / 3]
    with pytest.raises(OutputError, match="exists; use --overwrite"):
        write_nuclei(path, table)


@pytest.mark.parametrize("rows", [0, 2])
def test_convert_tables_there_and_back(tmp_path, table, rows):
    first, middle, last = (tmp_path / name for name in ("a.csv", "a.parquet", "b.csv"))
    write_nuclei(first, table[:rows])
    for source, target in ((first, middle), (middle, last)):
        result = CliRunner().invoke(main, ["convert", str(source), str(target)])
        assert result.output == f"{rows} nuclei: {target}\n"
    assert first.read_bytes() == last.read_bytes()
    pd.testing.assert_frame_equal(read_nuclei(middle), table[:rows], rtol=1e-5, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"nothing", "is no table"),
        ("a.csv", b"x,y\n1,2\n", "has no column label"),
        ("a.csv", b"\xff\xfe\x00", "is no table"),
        ("a.csv", b"label,image\n1,\0a\n", "is no table .it holds the byte 0"),
        ("a.parquet", b"", "is empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_nuclei(tmp_path / name)


def test_without_pyarrow_the_message_tells_how_to_get_it(tmp_path, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"Parquet needs pyarrow; .*pip install .*\[parquet\]"):
        write_nuclei(tmp_path / "a.parquet", table)
    assert not list(tmp_path.iterdir())


def test_a_run_writes_its_table_as_parquet_too(tmp_path, model, spots):
    from nucleisplit.batch.infer_batch import infer_batch

    for number, image in enumerate((spots(1)[0], np.zeros((32, 32), np.uint8))):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    out = tmp_path / "out"
    report = infer_batch([tmp_path / "0.png", tmp_path / "1.png"], out, model=model, parquet=True)
    expected, found = pd.read_csv(out / "nuclei.csv"), pd.read_parquet(out / "nuclei.parquet")
    assert len(found) == report.nuclei > 0
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert found.dtypes["area"] == np.int64 and found.dtypes["perimeter"] == np.float64
    infer_batch([tmp_path / "1.png"], out, model=model, parquet=True, overwrite=True)
    empty = pd.read_parquet(out / "nuclei.parquet")
    assert len(empty) == 0 and empty.dtypes["area"] == np.int64
