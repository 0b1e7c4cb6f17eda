import json

import numpy as np
import pytest

from nucleisplit.datasets import (
    find_label_sources,
    load_dataset,
    read_class_colors,
    read_classes,
    read_source_classes,
)
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


@pytest.mark.parametrize("name", ["geojson", "coco", "coco-polygons", "hovernet", "roi"])
def test_classes_in_the_labels(folder, name):
    import pandas as pd

    path, labels = folder
    (path / "labels/a.tif").unlink()
    ending = {"geojson": "geojson", "hovernet": "json", "roi": "zip"}.get(name, "coco.json")
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


@pytest.mark.parametrize("name", ["geojson", "coco", "hovernet", "roi"])
def test_nuclei_without_a_class_in_the_labels(folder, name):
    import pandas as pd

    from nucleisplit.labels import FORMATS

    path, labels = folder
    (path / "labels/a.tif").unlink()
    table = pd.DataFrame({"label": [4, 7], "class": pd.Categorical(["y", None], ["x", "y"])})
    write_as(name, path / f"labels/a{FORMATS[name].ending}", labels, table)
    assert classes_of(folder) == {"a": {4: "y"}}


def test_a_class_map_has_all_classes(folder):
    path, _ = folder
    (path / "classes.csv").write_text("image,label,class\na,4,x\na,7,y\n")
    (path / "classes.json").write_text('[{"name": "x", "colour": "#102030"}, {"name": "z"}]')
    with pytest.raises(DatasetError, match=r"classes.csv: the class 'y' of a.png is not in .*x, z"):
        classes_of(folder)
    (path / "classes.csv").write_text("image,label,class\na,4,x\n")
    assert classes_of(folder) == {"a": {4: "x"}}
    assert read_class_colors(load_dataset(path, folds=2)) == {"x": "#102030"}


def test_datasets_agree_on_colours(folder, tmp_path):
    import shutil

    path, _ = folder
    one, two = path / "one", path / "two"
    for each, colour in ((one, "#102030"), (two, "#112233")):
        for part in ("images", "labels"):
            shutil.copytree(path / part, each / part)
        (each / "classes.json").write_text(f'[{{"name": "x", "colour": "{colour}"}}]')
    with pytest.raises(DatasetError, match="two/classes.json: 'x' is #112233 here and #102030 in"):
        read_class_colors(load_dataset([one, two], folds=2))


def test_regions_of_imagej_have_their_group(folder):
    """As set in the ROI Manager; the class map names it."""
    import roifile

    path, _ = folder
    (path / "labels/a.tif").unlink()
    square = roifile.ImagejRoi.frompoints([[1, 1], [5, 1], [5, 5], [1, 5]], name="0004")
    other = roifile.ImagejRoi.frompoints([[7, 7], [11, 7], [11, 11], [7, 11]], name="0007")
    square.group = 2
    roifile.roiwrite(path / "labels/a.zip", [square, other])
    assert list(classes_of(folder)["a"].values()) == ["group 2"]
    (path / "classes.json").write_text('[{"name": "x"}, {"name": "y"}]')
    assert list(classes_of(folder)["a"].values()) == ["y"]


def test_sources_of_labels_have_the_classes_of_their_dataset(folder):
    path, labels = folder
    (path / "classes.csv").write_text("image,label,class\na.png,4,x\n")
    for place in (path, path / "labels"):
        found = read_source_classes(place, find_label_sources(place))
        assert {name: each.of(labels) for name, each in found.items()} == {"a": {4: "x"}}


def test_of_a_single_file_the_other_rows_do_not_matter(folder):
    path, labels = folder
    (path / "classes.csv").write_text("image,label,class\na.png,4,x\nb.png,7,y\n")
    file = path / "labels/b.tif"
    found = read_source_classes(file, find_label_sources(file))
    assert {name: each.of(labels) for name, each in found.items()} == {"b": {7: "y"}}


def test_a_run_has_those_of_its_table(folder):
    path, labels = folder
    run = path / "run"
    write_labels(run / "a_labels.tif", labels)
    (run / "run.json").write_text('{"images": [{"image": "x/a.png", "labels": "a_labels.tif"}]}')
    (run / "nuclei.csv").write_text("image,label,class\nx/a.png,4,1\nx/a.png,7,\nb.png,4,2\n")
    found = read_source_classes(run, find_label_sources(run))
    assert {name: each.of(labels) for name, each in found.items()} == {"a": {4: "1"}}


def test_each_image_of_a_coco_file_has_its_own(folder):
    path, _ = folder
    square = {"segmentation": [[1, 1, 4, 1, 4, 4, 1, 4]], "iscrowd": 0}
    content = {
        "images": [{"id": i, "file_name": f"{n}.png"} for i, n in enumerate("ab")],
        "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}],
        "annotations": [
            square | {"id": 1 + i, "image_id": i, "category_id": 1 + i} for i in (0, 1)
        ],
    }
    (path / "all.json").write_text(json.dumps(content))
    found = read_source_classes(path / "all.json", find_label_sources(path / "all.json"))
    assert {name: each.own for name, each in found.items()} == {"a": {1: "x"}, "b": {2: "y"}}
