"""Arrays of NumPy as labels, and what Cellpose saves: nothing in them is run."""

import pickle

import numpy as np
import pytest

from nucleisplit.errors import InputError
from nucleisplit.labels import read_array, read_label_file

LABELS = np.zeros((7, 5), np.uint16)
LABELS[1:4, 1:4], LABELS[5:, 3:] = 1, 700


def cellpose(masks):
    """What the window of Cellpose saves, but for sizes."""
    return {
        "outlines": masks * 0,
        "colors": np.zeros((2, 3), np.uint8),
        "masks": masks,
        "chan_choose": [0, 0],
        "ismanual": np.zeros(2, bool),
        "filename": "C:\\images\\a.tif",
        "flows": [np.zeros((7, 5, 3), np.uint8), None, [1.5, -3, 2**40, ("a", "b", "c", "d")]],
        "diameter": np.float64(17.5),
        "extra": {"nested": [True, b"bytes", {}, ()]},
    }


@pytest.mark.parametrize("dtype", [np.uint8, ">u2", np.int64, np.float32, bool])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays(tmp_path, dtype, order):
    array = np.asarray(np.minimum(LABELS, 200), dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    found = read_label_file(tmp_path / "a.npy")
    assert found.dtype == np.int32 and np.array_equal(found, array)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, ">u4", np.uint8])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [None, 2, 3, 4, 5])
def test_cellpose(tmp_path, dtype, order, protocol):
    masks = np.asarray(LABELS % 256, dtype, order=order)
    path = tmp_path / "a_seg.npy"
    np.save(path, cellpose(masks))
    if protocol:  # other versions of NumPy took others
        content = np.empty((), object)
        content[()] = cellpose(masks)
        head = path.read_bytes()[: 10 + path.read_bytes()[8]]
        path.write_bytes(head + pickle.dumps(content, protocol))
    if protocol in (2, 5):
        with pytest.raises(InputError, match="a_seg.npy: is damaged, or is no array"):
            read_array(path)
    else:
        assert np.array_equal(read_array(path), masks)


class Evil:
    ran = False

    def __reduce__(self):
        return setattr, (Evil, "ran", True)


@pytest.mark.parametrize(
    "hide", [lambda e: e, lambda e: [e], lambda e: cellpose(LABELS) | {"x": e}]
)
def test_nothing_is_run(tmp_path, hide):
    np.save(tmp_path / "a_seg.npy", hide(Evil()), allow_pickle=True)
    try:
        found = read_array(tmp_path / "a_seg.npy")
    except InputError as error:
        assert "a_seg.npy: " in str(error)
    else:
        assert np.array_equal(found, LABELS)
    assert not Evil.ran


DEEP = b")\x94" + b"".join(b"h" + bytes([n]) + b"\x86\x94" for n in range(60))
"""A tuple of 2**60 empty ones, each level twice the one before."""
ARRAY = b"\x8c\x01m\x8c\x0c_reconstruct\x93)R"
TYPE = b"\x8c\x01m\x8c\x05dtype\x93\x8c\x02u1\x85R(K\x03\x8c\x01|tb"


@pytest.mark.parametrize(
    "pickled",
    [
        DEEP + DEEP + b"\x93.",
        b"}" + DEEP + b"Ns.",
        b"}(" + DEEP + b"Nu.",
        b"}\x8c\x05masks" + ARRAY + b"(K\x01" + DEEP + b"\x85" + TYPE + b"\x89C\x00tbs.",
    ],
    ids=["name", "key", "keys", "shape"],
)
def test_a_few_bytes_that_would_take_years(tmp_path, pickled):
    with (tmp_path / "a_seg.npy").open("wb") as file:
        head = {"shape": (), "fortran_order": False, "descr": "|O"}
        np.lib.format.write_array_header_1_0(file, head)
        file.write(b"\x80\x04" + pickled)
    with pytest.raises(InputError, match=r"a_seg\.npy: is damaged, .*(no text|without a shape)"):
        read_array(tmp_path / "a_seg.npy")


def broken(data):
    return [data[:-1], data[:60], data[:5], data + b"x", b"\x93NUMPY\x01\x00\xff\xff{", data[:90]]


def test_damaged_ones_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, LABELS)
    for data in broken(path.read_bytes()):
        path.write_bytes(data)
        with pytest.raises(InputError, match="a.npy: is damaged, or is no array of NumPy"):
            read_array(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.stack([LABELS, LABELS]), r"has the shape \(2, 7, 5\), not rows and columns"),
        (LABELS.astype(np.int16) - 1, "holds the negative label -1; use 0 for background"),
        (LABELS + 0.5, "labels are not whole numbers"),
        (np.full((3, 3), np.nan), "labels are not whole numbers"),
        (LABELS.astype(np.uint64) << 40, "above 2..31 - 1"),
        (LABELS.astype(complex), "holds no numbers .complex128"),
        (np.array([["a"]]), "holds no numbers"),
        (np.zeros((0, 4), int), "not rows and columns"),
        ([{"a": 1}, None], "holds objects of Python, which are not read"),
    ],
)
def test_what_is_no_label_image(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        read_array(tmp_path / "a.npy")


def test_a_header_that_claims_more_than_there_is(tmp_path):
    head = {"shape": (10**6, 10**6), "fortran_order": False, "descr": "<u2"}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        file.write(LABELS.tobytes())
    with pytest.raises(InputError, match="a.npy: is damaged, .*70 bytes for .1000000, 1000000. of"):
        read_array(tmp_path / "a.npy")
