"""The table of nuclei as AnnData, read by anndata and by ourselves."""

import sys
import warnings
from itertools import pairwise

import h5py
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import sparse

from nucleisplit.cli.main import main
from nucleisplit.datasets.conversion import convert_table
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.measure import measure
from nucleisplit.tables import csv_to_h5ad, nuclei, read_nuclei, write_nuclei

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import anndata
    from anndata.io import write_elem

LABELS = np.zeros((20, 30), int)
LABELS[2:6, 3:9], LABELS[6:12, 3:7], LABELS[15:17, 20:29] = 3, 70_001, 9
PLACE = ("image", "label", "predicted_iou", "threshold", "touches_edge", "centroid", "bbox")


def table_of(size=None):
    table = measure(LABELS, LABELS % 7 * 10, [0.5, 0.25, 1 / 3], [0.5, 0.5, 0.5], pixel_size=size)
    table.insert(0, "image", ["Zellkörper, 1.png", "Zellkörper, 1.png", "b.png"])
    return table


def test_anndata_reads_measurements_places_and_the_rest(tmp_path):
    table = table_of((0.5, 0.25))
    path = tmp_path / "ein Ordner é" / "Kerne 1.h5ad"
    write_nuclei(path, table)
    data = anndata.read_h5ad(path)
    measured = [name for name in table if not name.startswith(PLACE)]
    assert data.var_names.tolist() == measured and len(measured) == 28
    assert data.X.dtype == np.float32
    np.testing.assert_allclose(data.X, table[measured], rtol=1e-6)
    others = [name for name in table if name not in measured]
    assert list(data.obs) == others
    assert data.obs_names.tolist() == [
        "Zellkörper, 1.png:3",
        "Zellkörper, 1.png:9",
        "b.png:70001",
    ]
    assert data.obs["image"].dtype == "category"
    assert data.obs["label"].tolist() == [3, 9, 70_001]
    assert data.obs["touches_edge"].tolist() == [False, False, False]
    places = table[["centroid-1_um", "centroid-0_um"]].to_numpy()  # x, y
    np.testing.assert_array_equal(data.obsm["spatial"], places)
    assert data.uns["nucleisplit"]["spatial_unit"] == "um"


def test_pixels_where_the_size_is_not_known_of_all(tmp_path):
    table = pd.concat([table_of((0.5, 0.5)), table_of()], ignore_index=True)
    write_nuclei(tmp_path / "a.h5ad", table)
    data = anndata.read_h5ad(tmp_path / "a.h5ad")
    places = table[["centroid-1", "centroid-0"]].to_numpy()
    np.testing.assert_array_equal(data.obsm["spatial"], places)
    assert data.uns["nucleisplit"]["spatial_unit"] == "px"


@pytest.mark.parametrize("size", [None, (0.5, 0.25)])
@pytest.mark.parametrize("rows", [0, 3])
def test_round_trip(tmp_path, size, rows):
    table = table_of(size)[:rows]
    write_nuclei(tmp_path / "a.h5ad", table)
    again = read_nuclei(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(again, table, rtol=1e-6, check_dtype=rows > 0)
    names = [tmp_path / name for name in ("a.csv", "b.h5ad", "b.csv")]
    write_nuclei(names[0], table)
    for source, target in pairwise(names):
        result = CliRunner().invoke(main, ["convert", str(source), str(target)])
        assert result.exit_code == 0, result.output
    assert names[0].read_bytes() == names[2].read_bytes()
    assert anndata.read_h5ad(names[1]).shape[0] == rows


def test_the_table_of_a_run(tmp_path, monkeypatch):
    table = pd.concat([table_of()] * 3, ignore_index=True)
    table["label"] = np.arange(1, 10)
    write_nuclei(tmp_path / "a.csv", table)
    types = {name: "string" if name == "image" else table[name].dtype.name for name in table}
    monkeypatch.setattr(nuclei, "_ROWS", 2)  # in parts
    for rows in (9, 0):
        write_nuclei(tmp_path / "a.csv", table[:rows], overwrite=True)
        csv_to_h5ad(tmp_path / "a.csv", tmp_path / "a.h5ad", types)
        again = read_nuclei(tmp_path / "a.h5ad")
        assert len(again) == rows
        pd.testing.assert_frame_equal(again, table[:rows], rtol=1e-5, check_dtype=rows > 0)


def test_what_was_added_comes_back(tmp_path):
    path = tmp_path / "a.h5ad"
    write_nuclei(path, table_of())
    added = {
        "cluster": pd.Categorical(["b", None, "a"], pd.Index(["a", "b"], dtype=object)),
        "count": pd.array([4, None, 6], "Int64"),
    }
    with h5py.File(path, "r+") as file:
        for name, column in added.items():
            write_elem(file["obs"], name, column)
        file["obs"].attrs["column-order"] = [*file["obs"].attrs["column-order"], *added]
        measured = sparse.csr_matrix(file["X"][()])
        del file["X"]
        write_elem(file, "X", measured)
    anndata.read_h5ad(path)
    table = read_nuclei(path)
    assert list(table) == [*table_of(), "cluster", "count"]
    assert table["area"].tolist() == [24, 18, 24]
    assert table["cluster"].fillna("-").tolist() == ["b", "-", "a"]
    assert table["count"].fillna(-1).tolist() == [4, -1, 6]


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_anndata_is_refused(tmp_path, content):
    (tmp_path / "a.h5ad").write_bytes(content)
    with pytest.raises(InputError, match="a.h5ad: is (damaged, or is no AnnData|empty)"):
        read_nuclei(tmp_path / "a.h5ad")


def test_other_hdf5_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="a.h5ad: is damaged, or is no AnnData"):
        read_nuclei(tmp_path / "a.h5ad")


def shorten(file):
    values = file["X"][:, :3]
    del file["X"]
    write_elem(file, "X", values)


def lengthen(file):
    del file["obs/label"]
    file["obs"].create_dataset("label", (10**12,), "i8")


def spread(file):
    del file["X"]
    write_elem(file, "X", sparse.csr_matrix((10**6, 10**6)))


def drop_a_row(file):
    values = file["X"][1:]
    del file["X"]
    write_elem(file, "X", values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shorten, "index 3 is out of bounds"),
        (drop_a_row, "same length"),
        (lengthen, "/obs/label claims to have 8000000000000 bytes"),
        (spread, "/X claims to have 8000000000000 bytes"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path, damage, message):
    path = tmp_path / "a.h5ad"
    write_nuclei(path, table_of())
    with h5py.File(path, "a") as file:
        damage(file)
    with pytest.raises(InputError, match=f"a.h5ad: is damaged, or is no AnnData .*{message}"):
        read_nuclei(path)


@pytest.mark.parametrize("start", range(16, 300, 16))
def test_a_damaged_heap_of_texts_is_refused_at_once(tmp_path, start):
    """HDF5 itself would not come back."""
    path = tmp_path / "a.h5ad"
    write_nuclei(path, table_of())
    data = bytearray(path.read_bytes())
    heap = data.index(b"GCOL")
    data[heap + start : heap + start + 200] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(InputError, match="a.h5ad: .*(a heap has a piece of no length)"):
        read_nuclei(path)


def test_texts_that_hdf5_cannot_hold(tmp_path):
    table = table_of().assign(image=["a\0.png"] * 3)
    write_nuclei(tmp_path / "a.parquet", table)
    with pytest.raises(InputError, match=r"a\.parquet: holds what .*b\.h5ad cannot .*NULL"):
        convert_table(tmp_path / "a.parquet", tmp_path / "b.h5ad")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_without_anndata_the_message_tells_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(ConfigError, match=r"AnnData needs anndata; .*pip install .*\[anndata\]"):
        write_nuclei(tmp_path / "a.h5ad", table_of())
    assert not list(tmp_path.iterdir())
