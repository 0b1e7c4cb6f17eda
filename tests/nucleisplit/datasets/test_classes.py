import json

import numpy as np
import pytest

from nucleisplit.datasets import load_dataset, read_classes
from nucleisplit.errors import DatasetError
from nucleisplit.labels import write_as, write_labels


@pytest.fixture
def folder(tmp_path):
    """Three images of two nuclei, 4 and 7."""
    from skimage.io import imsave

    labels = np.zeros((12, 12), np.int32)
    labels[1:5, 1:5], labels[7:11, 7:11] = 4, 7
    for name in ("a", "b", "c"):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / "labels").mkdir(exist_ok=True)
        imsave(tmp_path / f"images/{name}.png", labels.astype(np.uint8) * 9, check_contrast=False)
        write_labels(tmp_path / f"labels/{name}.tif", labels)
    return tmp_path, labels


def classes_of(folder):
    path, labels = folder
    found = read_classes(load_dataset(path, folds=2))
    return {name: each.of(labels) for name, each in found.items()}


def test_a_table_of_nuclei(folder):
    (folder[0] / "classes.csv").write_text("image,label,class\na,4,x\na.png,7,y\nb,4,\nc,7,x\n")
    assert classes_of(folder) == {"a": {4: "x", 7: "y"}, "b": {}, "c": {7: "x"}}


def test_a_table_of_images(folder):
    (folder[0] / "classes.csv").write_text("image,class\na.png,x\nb.png,y\n")
    assert classes_of(folder) == {"a": {4: "x", 7: "x"}, "b": {4: "y", 7: "y"}}


def test_a_nucleus_has_its_own_class_before_that_of_the_image(folder):
    (folder[0] / "classes.csv").write_text("image;label;class\na;;x\na;7;y\n")
    assert classes_of(folder) == {"a": {4: "x", 7: "y"}}


def test_a_table_beside_the_labels(folder):
    (folder[0] / "labels/b_classes.csv").write_text("label,class\n4,x\n")
    assert classes_of(folder) == {"b": {4: "x"}}


def test_no_classes(folder):
    assert classes_of(folder) == {}


@pytest.mark.parametrize("name", ["geojson", "coco", "coco-polygons"])
def test_classes_in_the_labels(folder, name):
    import pandas as pd

    path, labels = folder
    (path / "labels/a.tif").unlink()
    ending = {"geojson": "geojson"}.get(name, "coco.json")
    table = pd.DataFrame({"label": [4, 7], "class": ["y", "x"]})
    write_as(name, path / f"labels/a.{ending}", labels, table)
    assert classes_of(folder) == {"a": {4: "y", 7: "x"}}


def test_nuclei_that_qupath_calls_nucleus_have_no_class(folder):
    path, labels = folder
    (path / "labels/a.tif").unlink()
    write_as("geojson", path / "labels/a.geojson", labels)
    content = json.loads((path / "labels/a.geojson").read_text())
    assert {f["properties"]["classification"]["name"] for f in content["features"]} == {"Nucleus"}
    content["features"][1]["properties"]["classification"]["name"] = "Tumor"
    (path / "labels/a.geojson").write_text(json.dumps(content))
    assert classes_of(folder) == {"a": {7: "Tumor"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,label\na,4\n", "has no column 'class'"),
        ("label,class\n4,x\n", "has no column 'image'"),
        ("image,class\nz,x\n", "line 2: there is no image 'z'"),
        ("image,label,class\na,5,x\n", "no nucleus of a.png has the label 5"),
        ("image,label,class\na,-4,x\n", "line 2: the label is '-4'"),
        ("image,label,class\na,0,x\n", "line 2: the label is '0'"),
        ("image,label,class\na,4.5,x\n", "line 2: the label is '4.5'"),
        ("image,label,class\na,4,x\na,4,y\n", "line 3: label 4 of a.png is 'y' here and 'x'"),
        ("image,class\na,x\na.png,y\n", "line 3: the whole image of a.png is 'y' here and 'x'"),
        ("image,label,class\na,4\n", "line 2 has 2 cells"),
    ],
)
def test_wrong_rows_are_named(folder, text, message):
    (folder[0] / "classes.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        classes_of(folder)


def test_the_same_said_twice_is_no_contradiction(folder):
    (folder[0] / "classes.csv").write_text("image,label,class\na,4,x\na,4,x\n")
    assert classes_of(folder) == {"a": {4: "x"}}
