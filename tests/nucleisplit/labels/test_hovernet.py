"""JSON of HoVer-Net and CellViT: as their programs write it, and as they would read ours."""

import json

import numpy as np
import pandas as pd
import pytest

from nucleisplit.errors import InputError
from nucleisplit.labels import format_of, read_hovernet, read_label_file, write_hovernet
from nucleisplit.labels.hovernet import read_hovernet_classes

LABELS = np.zeros((9, 12), np.int32)
LABELS[1:5, 1:4], LABELS[2:7, 4:8], LABELS[8, 9] = 3, 5, 8
LABELS[1, 1] = LABELS[6, 4] = 0
TABLE = pd.DataFrame(
    {
        "label": [3, 5, 8],
        "class": pd.Categorical(["stroma", "tumour", None], ["tumour", "stroma", "other"]),
        "class_probability": [0.75, 0.5, np.nan],
    }
)


def cell(corner, side=3, **more):
    """A square of pixels as OpenCV outlines it: the centres of its four corners."""
    x, y = corner
    far = side - 1
    return {
        "bbox": [[y, x], [y + side, x + side]],
        "centroid": [x + far / 2, y + far / 2],
        "contour": [[x, y], [x, y + far], [x + far, y + far], [x + far, y]],
        **more,
    }


def test_a_nucleus_is_written_as_hovernet_does(tmp_path):
    path = tmp_path / "a.hovernet.json"
    write_hovernet(path, LABELS, TABLE)
    content = json.loads(path.read_text())
    assert content["mag"] is None
    assert content["type_map"] == {"tumour": 1, "stroma": 2, "other": 3}
    assert content["nuc"]["3"] == {
        "bbox": [[1, 1], [5, 4]],
        "centroid": [2.091, 2.636],
        "contour": [[3, 1], [3, 4], [1, 4], [1, 2], [2, 1]],
        "type": 2,
        "type_prob": 0.75,
    }
    lone = content["nuc"]["8"]
    assert lone["contour"] == [[9, 8]] and lone["type"] is None and lone["type_prob"] is None


def test_opencv_reads_our_contours_and_we_those_of_opencv(tmp_path):
    """HoVer-Net and CellViT find and fill contours with OpenCV."""
    import cv2

    path = tmp_path / "a.json"
    write_hovernet(path, LABELS)
    content = json.loads(path.read_text())
    for number, nucleus in content["nuc"].items():
        mask = (LABELS == int(number)).astype(np.uint8)
        filled = np.zeros_like(mask)
        cv2.drawContours(filled, [np.array(nucleus["contour"])[:, None]], -1, 1, cv2.FILLED)
        np.testing.assert_array_equal(filled, mask)
        (contour,), _ = cv2.findContours(mask, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
        assert set(map(tuple, contour[:, 0])) == set(map(tuple, nucleus["contour"]))
        nucleus["contour"] = contour[:, 0].tolist()
    theirs = {"mag": 40, "nuc": content["nuc"]}
    path.write_text(json.dumps(theirs))
    np.testing.assert_array_equal(read_label_file(path, LABELS.shape), LABELS)


def test_cellvit_has_a_list_and_names(tmp_path):
    path = tmp_path / "a.json"
    cells = [cell((1, 1), type=2, type_prob=0.9), cell((5, 4), type=0), cell((8, 1), type=1)]
    types = {"Background": 0, "Neoplastic": 1, "Inflammatory": 2}
    path.write_text(json.dumps({"wsi_metadata": {}, "type_map": types, "cells": cells}))
    assert format_of(path).name == "hovernet"
    labels = read_hovernet(path, (9, 12))
    assert [np.argwhere(labels == n).min(axis=0).tolist() for n in (1, 2, 3)] == [
        *([1, 1], [4, 5], [1, 8])
    ]
    assert (np.bincount(labels.ravel())[1:] == 9).all()
    assert read_hovernet_classes(path) == {1: "Inflammatory", 3: "Neoplastic"}
    turned = {str(number): name for name, number in types.items()}  # CellViT++
    path.write_text(json.dumps({"type_map": turned, "cells": cells}))
    assert read_hovernet_classes(path) == {1: "Inflammatory", 3: "Neoplastic"}


def test_names_of_hovernet_come_from_a_map_beside(tmp_path):
    path = tmp_path / "labels" / "a.json"
    path.parent.mkdir()
    nuclei = {"4": cell((1, 1), type=1), "9": cell((5, 4), type=2), "11": cell((8, 1), type=None)}
    path.write_text(json.dumps({"mag": None, "nuc": nuclei}))
    assert read_hovernet_classes(path) == {4: "type 1", 9: "type 2"}
    info = {"0": ["nolabe", [0, 0, 0]], "1": ["neopla", [255, 0, 0]], "2": ["inflam", [0, 255, 0]]}
    (tmp_path / "type_info.json").write_text(json.dumps(info))
    assert read_hovernet_classes(path) == {4: "neopla", 9: "inflam"}
    (path.parent / "classes.json").write_text('[{"name": "tumour"}]')
    with pytest.raises(InputError, match="has nuclei of type 2, which has no name in "):
        read_hovernet_classes(path)


def test_other_json_is_no_hovernet(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"images": [], "annotations": []}')
    assert format_of(path).name == "coco" and format_of(tmp_path / "none.json").name == "coco"


@pytest.mark.parametrize(
    ("contour", "message"),
    [
        ([[40, 1], [43, 1], [43, 4]], "reaches far outside the image of 9x12 pixels"),
        ([[13, 1], [15, 1], [15, 4]], r"outline 7 \(x 13 to 15, y 1 to 4\) lies outside"),
        ([[1e300, 1], [2, 2], [1, 2]], "reaches far outside"),
        ("oops", "is no JSON of HoVer-Net"),
        ([1, 2, 3], "is no JSON of HoVer-Net"),
    ],
)
def test_wrong_contours_are_refused(tmp_path, contour, message):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"mag": None, "nuc": {"7": cell((0, 0)) | {"contour": contour}}}))
    with pytest.raises(InputError, match=message):
        read_hovernet(path, (9, 12))


def test_contours_are_cut_off_at_the_edge_of_the_image(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"mag": None, "nuc": {"1": cell((-2, 7), 4)}}))
    labels = read_hovernet(path, (9, 12))
    assert np.argwhere(labels).tolist() == [[7, 0], [7, 1], [8, 0], [8, 1]]
