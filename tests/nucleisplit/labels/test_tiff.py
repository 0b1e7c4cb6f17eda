import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucleisplit.errors import OutputError
from nucleisplit.files import refuse_overwrite, remove_parts, replacing, write_json
from nucleisplit.labels import read_labels, write_labels
from nucleisplit.overlay import write_overlay
from nucleisplit.tables import write_table

LABELS = np.array([[0, 1], [2, 0]], np.int32)
WRITERS = [
    ("a.tif", lambda path, **o: write_labels(path, LABELS, **o)),
    ("a.csv", lambda path, **o: write_table(path, pd.DataFrame({"a": [1]}), **o)),
    ("a.json", lambda path, **o: write_json(path, {"a": 1}, **o)),
    ("a.png", lambda path, **o: write_overlay(path, LABELS, LABELS, [0.1, 0.9], **o)),
]


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [(0, np.uint8), (255, np.uint8), (256, np.uint16), (65535, np.uint16), (65536, np.uint32)],
)
def test_labels_take_the_smallest_type(tmp_path, largest, dtype):
    labels = np.zeros((50, 60), np.int32)
    labels[3:9, 4:9] = largest
    write_labels(tmp_path / "a.tif", labels)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert tiff.pages[0].dtype == dtype
        assert tiff.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif"), labels)


@pytest.mark.parametrize("labels", [LABELS / 2, LABELS[0], LABELS - 1, LABELS > 0])
def test_labels_refuse(tmp_path, labels):
    with pytest.raises(ValueError, match="labels must"):
        write_labels(tmp_path / "a.tif", labels)
    assert not list(tmp_path.iterdir())


def test_table(tmp_path):
    table = pd.DataFrame({"image": ["ü,b.png"], "x": [1 / 3], "n": [1234567], "edge": [True]})
    write_table(tmp_path / "a.csv", table)
    expected = 'image,x,n,edge\n"ü,b.png",0.333333,1234567,True\n'
    assert (tmp_path / "a.csv").read_bytes().decode() == expected


def test_json_takes_numpy_and_paths_and_writes_no_nan(tmp_path):
    content = {
        "n": np.int64(3),
        "x": np.float32(0.5),
        "nan": float("nan"),
        "list": np.array([1.0, np.inf]),
        "path": Path("a") / "b",
        "tuple": (True, None),
        4: "é",
    }
    write_json(tmp_path / "a.json", content)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {
        "n": 3,
        "x": 0.5,
        "nan": None,
        "list": [1.0, None],
        "path": str(Path("a") / "b"),
        "tuple": [True, None],
        "4": "é",
    }
    with pytest.raises(TypeError):
        write_json(tmp_path / "b.json", {"a": {1, 2}})
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize(("name", "write"), WRITERS, ids=[row[0] for row in WRITERS])
def test_overwriting_is_refused_unless_allowed(tmp_path, name, write):
    path = tmp_path / "new" / "folder" / name
    write(path)
    first = path.read_bytes()
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists; use --overwrite"):
        write(path)
    assert path.read_bytes() == b"old"
    write(path, overwrite=True)
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == [name]


def test_refuse_overwrite(tmp_path):
    assert refuse_overwrite(tmp_path / "new") == tmp_path / "new"
    assert refuse_overwrite(tmp_path) == tmp_path  # an empty folder
    (tmp_path / "a").touch()
    with pytest.raises(OutputError, match="is not empty"):
        refuse_overwrite(tmp_path)
    assert refuse_overwrite(tmp_path, overwrite=True) == tmp_path


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path, overwrite=True) as part:
        part.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written") as caught:
        write_json(tmp_path / "file" / "a.json", 1)
    assert "\n" not in str(caught.value) and "; " in str(caught.value)


def failing_moves(monkeypatch, error, at):
    """Let the move of that number raise, 0 being the first; others are done."""
    move, count = os.replace, iter(range(99))

    def replace(source, target):
        if next(count) == at:
            raise error
        move(source, target)

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [0, 1])
def test_a_folder_comes_back_when_the_new_one_cannot_take_its_place(
    tmp_path, monkeypatch, error, at
):
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "old").write_text("precious")
    failing_moves(monkeypatch, error, at)
    expected = OutputError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected), replacing(path, overwrite=True) as fresh:
        fresh.mkdir()
    assert (path / "old").read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_had_moved_away_is_put_back(tmp_path):
    former, other = (tmp_path / f".{name}.12-0123abcd.former" for name in ("a.zarr", "b.zarr"))
    for folder in (former, other, tmp_path / "b.zarr"):
        folder.mkdir()
        (folder / "of").write_text(folder.name)
    (tmp_path / ".a.zarr.12-0123abcf.part").mkdir()
    remove_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]
    assert (tmp_path / "a.zarr" / "of").read_text() == former.name
    assert (tmp_path / "b.zarr" / "of").read_text() == "b.zarr"
