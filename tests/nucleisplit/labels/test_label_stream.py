"""Label images written band by band are the same as those written whole."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nucleisplit.errors import InputError
from nucleisplit.labels import FORMATS, LabelStream, read_label_file, read_labels, tiff, write_as
from nucleisplit.labels import ome_zarr_groups as zarr_labels
from nucleisplit.labels.label_stream import stream_label_file, whole_pieces
from nucleisplit.labels.tiff import write_label_bands
from nucleisplit.measure import measure

IMAGES = arrays(
    np.int32, st.tuples(st.integers(1, 9), st.integers(1, 6)), elements=st.integers(0, 4)
)


def boxes(labels):
    """The table of a label image: where each nucleus begins and ends."""
    numbers = np.unique(labels[labels > 0])
    rows = [np.flatnonzero((labels == number).any(axis=1)) for number in numbers]
    return pd.DataFrame(
        {
            "label": numbers,
            "bbox-0": [row[0] for row in rows],
            "bbox-2": [row[-1] + 1 for row in rows],
        }
    )


def parts_of(labels, height, length):
    """The image in bands, and its table in parts."""
    table = boxes(labels)
    parts = [table[at : at + length] for at in range(0, max(len(table), 1), length)]
    return [labels[top : top + height] for top in range(0, len(labels), height)], parts


@settings(max_examples=200, deadline=None)
@given(labels=IMAGES, height=st.integers(1, 4), length=st.integers(1, 3))
def test_every_nucleus_is_in_one_piece_and_in_one_only(labels, height, length):
    again = np.zeros_like(labels)
    seen = []
    for piece in whole_pieces(*parts_of(labels, height, length)):
        numbers = np.unique(piece.labels[piece.labels > 0]).tolist()
        assert piece.table["label"].tolist() == numbers
        seen += numbers
        part = again[piece.top : piece.top + len(piece.labels)]
        assert not part[piece.labels > 0].any()
        part += piece.labels
    np.testing.assert_array_equal(again, labels)
    assert sorted(seen) == boxes(labels)["label"].tolist()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "spatialdata"])
@settings(max_examples=25, deadline=None)
@given(labels=IMAGES, height=st.integers(1, 4))
def test_all_formats_are_the_same_from_bands(tmp_path_factory, name, labels, height):
    folder = tmp_path_factory.mktemp("stream")
    height = 4 if name in ("tiff", "ome-tiff") else height
    bands, parts = parts_of(labels, height, 2)

    stream = LabelStream(
        labels.shape, int(labels.max()), lambda: bands, lambda: whole_pieces(bands, parts)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiff, "BAND", 16)
        if name in ("tiff", "ome-tiff"):  # their bands have one height
            bands[:] = [labels]
        for file, content in (("whole", labels), ("bands", stream)):
            write_as(name, folder / f"{file}{FORMATS[name].ending}", content)
    read = [
        read_label_file(folder / f"{file}{FORMATS[name].ending}", labels.shape)
        for file in ("whole", "bands")
    ]
    if name == "submission":  # numbered by its rows, whose order is free
        read = [renumbered(each) for each in read]
    np.testing.assert_array_equal(*read)


def renumbered(labels):
    """Number nuclei by their first pixels."""
    numbers, first = np.unique(labels, return_index=True)
    order = {number: place for place, number in enumerate(numbers[np.argsort(first)])}
    zero = order.pop(0, 0)
    return np.vectorize(lambda n: order.get(n, zero) if n else -1, otypes=[int])(labels)


def test_a_file_is_read_in_bands(tmp_path, monkeypatch):
    labels = np.zeros((1100, 40), np.uint32)
    labels[500:540, 3:9], labels[1000:1030, 5:9], labels[600:603, 20:30] = 1, 3, 2
    labels[1090:, 35:] = 4
    path = tmp_path / "a.tif"
    write_label_bands(path, labels.shape, [labels[:512], labels[512:1024], labels[1024:]])
    table = measure(labels, labels, np.full(4, 0.5))
    stream = stream_label_file(path, 4, lambda: [table[:2], table[2:]])
    assert [len(band) for band in stream.bands()] == [512, 512, 76]
    pieces = list(stream.pieces())
    assert [piece.table["label"].tolist() for piece in pieces] == [[1, 2], [3, 4]]
    assert [(piece.top, len(piece.labels)) for piece in pieces] == [(500, 103), (1000, 100)]

    write_as("geojson", tmp_path / "a.geojson", stream)
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert features[0]["geometry"]["coordinates"] == [
        [[3, 500], [9, 500], [9, 540], [3, 540], [3, 500]]
    ]
    write_as("geojson", tmp_path / "b.geojson", labels, table)
    assert (tmp_path / "a.geojson").read_bytes() == (tmp_path / "b.geojson").read_bytes()
    monkeypatch.setattr(zarr_labels, "CHUNK", 128)
    write_as("ome-zarr", tmp_path / "a.ome.zarr", stream)
    for level in range(4):
        stored = read_labels(tmp_path / f"a.ome.zarr/labels/nuclei/{level}")
        np.testing.assert_array_equal(stored, labels[:: 2**level, :: 2**level])


def test_classes_are_a_column_of_geoparquet(tmp_path):
    labels = np.array([[1, 0, 2, 3]])
    table = boxes(labels).assign(**{"class": pd.Categorical(["b", "a", None], ["a", "b", "c"])})
    FORMATS["geoparquet"].write(tmp_path / "a.geoparquet", labels, table)
    found = pd.read_parquet(tmp_path / "a.geoparquet", columns=["label", "class"])
    assert found["label"].tolist() == [1, 2, 3]
    assert found["class"].fillna("none").tolist() == ["b", "a", "none"]


def test_a_packed_file_that_unpacks_to_too_much_is_refused(tmp_path):
    import gzip

    path = tmp_path / "a.geojson.gz"
    path.write_bytes(gzip.compress(b" " * (2**24 + 2**23)))
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: .*unpacks to over"):
        read_label_file(path)
    FORMATS["geojson-gz"].write(path, np.eye(200, dtype=np.uint8), overwrite=True)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: .*ends early"):
        read_label_file(path)
