"""Which objects of QuPath, ImageJ and COCO are nuclei, and what is said of the others."""

import io
import json
import warnings
import zipfile

import numpy as np
import pytest
import roifile
import tifffile
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.datasets import find_label_sources
from nucleisplit.errors import DatasetError, InputError, InputWarning
from nucleisplit.labels import read_coco, read_geojson, read_label_file, read_labels, read_roi

SHAPE = (100, 120)


def square(x, y, side=8):
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def polygon(*corner, **more):
    return {"type": "Polygon", "coordinates": [square(*corner)], **more}


def feature(kind, geometry, **more):
    properties = {"objectType": kind} if kind else {}
    return {"type": "Feature", "geometry": geometry, "properties": properties, **more}


TWO = [feature("detection", polygon(10, 10)), feature("detection", polygon(50, 50))]
WHOLE = polygon(0, 0, 100)


def with_children(parent, *children):
    parent["properties"]["childObjects"] = list(children)
    return parent


def read(path, *features):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    labels = read_geojson(path, SHAPE)
    return [int((labels == number).sum()) for number in range(1, labels.max() + 1)]


@pytest.mark.parametrize("kind", ["annotation", "tma_core", "tmaCore", "tile", "root", "unknown"])
def test_what_is_round_the_detections_is_no_nucleus(tmp_path, kind):
    path = tmp_path / "a.geojson"
    with pytest.warns(InputWarning, match=f"passed over, as no nuclei: 1 {kind}; a nucleus"):
        assert read(path, feature(kind, WHOLE), *TWO) == [64, 64]
    with pytest.warns(InputWarning, match=f"1 {kind}; a nucleus"):
        assert read(path, with_children(feature(kind, WHOLE), *TWO)) == [64, 64]
    below = with_children(feature("annotation", WHOLE), with_children(feature(kind, WHOLE), *TWO))
    with pytest.warns(InputWarning, match="passed over"):
        assert read(path, below) == [64, 64]


@pytest.mark.parametrize(
    ("old", "kind"),
    [("PathAnnotationObject", "annotation"), ("PathTileObject", "tile"), ("TMACoreObject", "tma")],
)
def test_objects_of_qupath_0_2(tmp_path, old, kind):
    nuclei = [feature("", polygon(x, 10), id="PathDetectionObject") for x in (10, 30)]
    with pytest.warns(InputWarning, match=f"1 {kind}"):
        assert read(tmp_path / "a.geojson", feature("", WHOLE, id=old), *nuclei) == [64, 64]
    cell = feature("", polygon(50, 50, 20), id="PathCellObject", nucleusGeometry=polygon(56, 56))
    assert read(tmp_path / "a.geojson", cell, *nuclei) == [64, 64, 64]


def test_annotations_alone_are_nuclei_and_tiles_never(tmp_path):
    path = tmp_path / "a.geojson"
    drawn = [feature("annotation", polygon(10, 10)), feature("annotation", polygon(30, 10, 5))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path, *drawn) == [64, 25]
        assert read(path, feature("", polygon(10, 10)), *TWO[1:]) == [64, 64]  # no word of QuPath
    with pytest.warns(InputWarning, match="2 tile"):
        assert read(path, *[feature("tile", polygon(x, 0, 50)) for x in (0, 50)]) == []


def test_cells_become_their_nuclei(tmp_path):
    path = tmp_path / "a.geojson"
    cells = [
        feature("cell", polygon(x, x, 20), nucleusGeometry=polygon(x + 6, x + 6)) for x in (10, 50)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path, *cells) == [64, 64]
    with pytest.warns(InputWarning, match="1 cells have no outline of the nucleus"):
        assert read(path, cells[0], feature("cell", polygon(50, 50, 20))) == [64, 400]


def test_collections_of_geometries(tmp_path):
    inner = {"type": "GeometryCollection", "geometries": [polygon(10, 10)]}
    point = {"type": "Point", "coordinates": [1, 1]}
    both = {"type": "GeometryCollection", "geometries": [inner, polygon(30, 10), point]}
    path = tmp_path / "a.geojson"
    assert read(path, feature("detection", both), TWO[1]) == [128, 64]
    with pytest.warns(InputWarning, match="1 without area"):
        assert read(path, feature("detection", point), *TWO) == [64, 64]


@pytest.mark.parametrize("axis", ["z", "t"])
def test_planes_are_not_merged(tmp_path, axis):
    path = tmp_path / "a.geojson"
    plane = {"plane": {"c": -1, "z": 0, "t": 0}}
    other = {"plane": plane["plane"] | {axis: 3}}
    here, there = feature("cell", polygon(10, 10, **plane)), feature("", polygon(12, 12, **other))
    for first in (here, feature("detection", polygon(10, 10))):  # QuPath leaves the first plane out
        with pytest.raises(InputError, match=rf"holds outlines of 2 planes .*{axis}=3.*\); export"):
            read(path, first, there)
    with pytest.warns(InputWarning):
        assert read(
            path, feature("annotation", WHOLE), feature("detection", polygon(1, 1, **other))
        )
    channels = [
        feature("", polygon(x, 9, plane={"c": c, "z": 0, "t": 0})) for x, c in ((9, 0), (30, 1))
    ]
    assert read(path, *channels) == [64, 64]


def region(x, y, side=8, **more):
    roi = roifile.ImagejRoi.frompoints(np.array(square(x, y, side)[:-1], float))
    for name, value in more.items():
        setattr(roi, name, value)
    return roi.tobytes()


def flat(kind):
    roi = roifile.ImagejRoi.frompoints(np.array([[1.0, 1], [5, 5]]))
    roi.roitype = kind
    return roi.tobytes()


def zipped(path, **regions):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in regions.items():
            archive.writestr(name.replace("__", "/") + ".roi", content)
    return path


def areas(path):
    return np.bincount(read_roi(path, SHAPE).ravel())[1:].tolist()


@pytest.mark.parametrize("kind", [roifile.ROI_TYPE.POINT, roifile.ROI_TYPE.POLYLINE])
def test_points_and_lines_are_passed_over(tmp_path, kind):
    path = zipped(tmp_path / "a.zip", a=region(10, 10), b=flat(kind), c=region(30, 30, 5))
    with pytest.warns(InputWarning, match=f"passed over, as no areas: 1 {kind.name.lower()}"):
        assert areas(path) == [64, 25]
    with pytest.raises(InputError, match=f"holds no area, only 2 {kind.name.lower()}; save outl"):
        areas(zipped(path, a=flat(kind), b=flat(kind)))


def test_what_the_finder_adds_is_no_region(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("RoiSet/a.roi", region(10, 10))
        archive.writestr("__MACOSX/RoiSet/._a.roi", b"\0\5\x16\7" * 40)
        archive.writestr("RoiSet/._b.roi", b"\0\5\x16\7" * 40)
        archive.writestr("RoiSet/.DS_Store", b"x")
    assert areas(path) == [64]


def test_one_region_without_a_zip(tmp_path):
    path = tmp_path / "a.roi"
    path.write_bytes(region(10, 10))
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros(SHAPE, np.uint8))
    (source,) = find_label_sources(path).values()
    assert (source.read() == 1).sum() == 64
    result = CliRunner().invoke(main, ["convert", str(path), str(tmp_path / "o.tif")])
    assert result.output.startswith("1 nucleus in 1 image")


def test_slices_are_not_merged(tmp_path):
    path = tmp_path / "a.zip"
    for one, other in (
        ({"position": 1}, {"position": 2}),
        ({"z_position": 1, "c_position": 1}, {"z_position": 2, "c_position": 1}),
        ({"t_position": 4}, {"t_position": 1}),
    ):
        with pytest.raises(InputError, match="holds regions of 2 (slices|times) of a stack"):
            areas(zipped(path, a=region(10, 10, **one), b=region(30, 30, **other)))
        # 0 is a region of all slices
        assert areas(zipped(path, a=region(10, 10, **one), b=region(30, 30))) == [64, 64]
    channels = [{"c_position": c, "position": c} for c in (1, 2)]
    both = [region(x, 10, **each) for x, each in zip((10, 30), channels)]
    assert areas(zipped(path, a=both[0], b=both[1])) == [64, 64]


def test_a_region_among_the_nuclei_is_warned_of(tmp_path):
    path = zipped(tmp_path / "a.zip", a=region(-5, -5, 130), b=region(10, 10))
    with pytest.warns(InputWarning, match="nucleus 1 covers 99% of the image"):
        read_label_file(path, SHAPE)


def test_a_region_of_absurd_size(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.roi", bytes(2**25))
    (tmp_path / "a.zip").write_bytes(file.getvalue())
    with pytest.raises(InputError, match="a.roi is to have 33554432 bytes"):
        areas(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.roi", bytes(2**20))
    with pytest.raises(InputError, match="its regions are to have 20971520 bytes"):
        areas(tmp_path / "b.zip")


def annotation(number, image, *corners, **more):
    parts = [np.ravel(square(*corner)[:-1]).tolist() for corner in corners]
    return {"id": number, "image_id": image, "segmentation": parts, **more}


def coco(path, *annotations, images=1, **more):
    listed = [
        {"id": n, "file_name": f"deep/{'abc'[n - 1]}.ome.tif", "height": 100, "width": 120}
        for n in range(1, images + 1)
    ]
    path.write_text(json.dumps({"images": listed, "annotations": list(annotations), **more}))
    return path


def test_parts_of_one_object_are_united(tmp_path):
    path = coco(tmp_path / "a.coco.json", annotation(3, 1, (10, 10), (14, 14)))
    labels = read_coco(path)
    assert (labels == 3).sum() == 112
    from pycocotools.coco import COCO

    (own,) = COCO(path).anns.values()
    assert COCO(path).annToMask(own).sum() == 112
    inside = coco(path, annotation(1, 1, (10, 10, 20), (50, 50)), annotation(2, 1, (14, 14)))
    assert np.bincount(read_coco(inside).ravel())[1:].tolist() == [400, 64]


def test_many_images_in_one_file(tmp_path):
    own = [annotation(1, 1, (10, 10)), annotation(2, 2, (10, 10)), annotation(3, 2, (50, 50, 5))]
    path = coco(tmp_path / "all.json", *own, images=3)
    sources = find_label_sources(path)
    sizes = {stem: np.bincount(each.read().ravel())[1:].tolist() for stem, each in sources.items()}
    assert sizes == {"a": [64], "b": [0, 64, 25], "c": []}
    result = CliRunner().invoke(
        main, ["convert", str(path), str(tmp_path / "labels"), "--to", "tiff"]
    )
    assert result.output.startswith("3 nuclei in 3 images"), result.output
    assert (read_labels(tmp_path / "labels" / "b.tif") == 3).sum() == 25
    result = CliRunner().invoke(main, ["evaluate", str(tmp_path / "labels"), str(path), "--json"])
    scores = json.loads(result.stdout)["images"]
    assert [(s["image_id"], s["true_count"], s["map"]) for s in scores] == [
        ("a", 1, 1.0),
        ("b", 2, 1.0),
        ("c", 0, 1.0),
    ]
    with pytest.raises(InputError, match="is about 3 images, none called all; make label images"):
        read_coco(path)
    assert (read_coco(path.rename(tmp_path / "b.coco.json")) == 3).sum() == 25


def test_many_images_in_one_table(tmp_path):
    path = tmp_path / "all.csv"
    path.write_text("ImageId,EncodedPixels\na,1 3\nb,1 2\nb,5 1\nc,\n")
    for name in "abc":
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", np.zeros((2, 3), np.uint8))
    found = {stem: each.read().tolist() for stem, each in find_label_sources(path).items()}
    assert found == {"a": [[1, 1, 0], [1, 0, 0]], "b": [[1, 0, 2], [1, 0, 0]], "c": [[0] * 3] * 2}
    path.write_text("ImageId,EncodedPixels\n../a,1 3\nb,1 2\n")
    result = CliRunner().invoke(main, ["convert", str(path), str(tmp_path / "o"), "--to", "tiff"])
    assert result.exit_code == 2 and "'../a' is no name for a file" in result.output


def test_annotations_and_images_as_a_dict(tmp_path):
    path = coco(tmp_path / "a.json", annotation(1, 1, (10, 10)), annotation(2, 1, (50, 50)))
    content = json.loads(path.read_text())
    for name in ("annotations", "images"):
        content[name] = {str(each["id"]): each for each in content[name]}
        path.write_text(json.dumps(content))
        assert np.bincount(read_coco(path).ravel())[1:].tolist() == [64, 64]


def test_two_images_of_one_name_are_refused(tmp_path):
    path = coco(tmp_path / "a.json", images=3)
    path.write_text(path.read_text().replace("deep/b.ome.tif", "other/a.png"))
    with pytest.raises((InputError, DatasetError), match="lists several images called a"):
        find_label_sources(path)
