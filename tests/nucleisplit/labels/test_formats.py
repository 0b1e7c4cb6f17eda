"""Labels in the formats of other programs: the round trip, an independent reader, bad input."""

import csv
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import roifile
import shapely
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask
from pycocotools.coco import COCO

from nucleisplit import labels as formats
from nucleisplit.endings import stem_of
from nucleisplit.errors import ConfigError, InputError, OutputError
from nucleisplit.labels import FORMATS, format_of, get_format, read_label_file

LABELS = np.zeros((12, 9), np.int32)
LABELS[1:6, 1:6] = 4
LABELS[3, 3] = 0
LABELS[1:6, 6:8] = 70_000
LABELS[7:9, 0:2] = LABELS[9:11, 2:4] = 2
LABELS[11, 8] = 9
TABLE = pd.DataFrame(
    {
        "label": [2, 4, 9, 70_000],
        "area": [8, 24, 1, 10],
        "solidity": [1 / 3, 1.0, np.nan, 0.5],
        "predicted_iou": [0.5, 0.25, 0.75, 1.0],
        "touches_edge": [True, False, True, False],
        "image": "a",
    }
)


def renumbered(labels):
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)


HERE = {name: entry for name, entry in FORMATS.items() if name != "spatialdata"}
"""All but the one whose library clashes with those of the other tests, see tests/pipelines."""


@pytest.fixture(params=list(HERE))
def entry(request):
    return FORMATS[request.param]


@pytest.mark.filterwarnings("ignore::nucleisplit.errors.InputWarning")
@settings(max_examples=60, deadline=None)
@given(
    arrays(np.int32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 3))
)
def test_round_trip(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("round")
    for entry in HERE.values():
        path = folder / f"{entry.name}{entry.ending}"
        entry.write(path, labels)
        shape = labels.shape if entry.name == "submission" else None
        found = entry.read(path, shape)
        zero = np.insert(found.ravel(), 0, 0)  # the submission numbers anew
        expected = renumbered(np.insert(labels.ravel(), 0, 0))
        assert found.dtype == np.int32 and found.shape == labels.shape
        np.testing.assert_array_equal(renumbered(zero), expected, entry.name)
        if entry.name != "submission":
            np.testing.assert_array_equal(found, labels, entry.name)


def test_large_labels_and_odd_paths(tmp_path, entry):
    path = tmp_path / "ein Ordner" / f"Zellkörper 1 é{entry.ending}"
    entry.write(path, LABELS, TABLE)
    found = read_label_file(path, LABELS.shape)
    expected = LABELS if entry.name != "submission" else renumbered(LABELS)
    np.testing.assert_array_equal(found, expected)
    assert format_of(path).name == entry.name.removesuffix("-0.4")
    assert stem_of(path) == "Zellkörper 1 é"


def test_overwriting_is_refused_and_bad_labels_leave_nothing(tmp_path, entry):
    path = tmp_path / f"a{entry.ending}"
    for bad in (LABELS / 2, LABELS[0], LABELS - 1):
        with pytest.raises(ValueError, match="labels must"):
            entry.write(path, bad)
    assert not list(tmp_path.iterdir())
    path.write_text("old")
    with pytest.raises(OutputError, match="exists; use --overwrite"):
        entry.write(path, LABELS)
    assert path.read_text() == "old"
    entry.write(path, LABELS, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"\0\1\2 nothing", b"{", b"[1]", b"a,b\n1,2\n"])
def test_damaged_files_give_one_message(tmp_path, entry, content):
    path = tmp_path / f"a{entry.ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=path.name):
        read_label_file(path, (3, 3))


def test_the_size_of_the_image_is_checked_or_asked_for(tmp_path, entry):
    path = tmp_path / f"a{entry.ending}"
    entry.write(path, LABELS)
    if entry.name == "submission":
        with pytest.raises(InputError, match="does not say how large its image is"):
            entry.read(path)
    elif entry.name not in ("tiff", "ome-tiff", "ome-zarr", "ome-zarr-0.4", "numpy"):
        with pytest.raises(InputError, match="of 12x9 pixels, this one has 9x12"):
            entry.read(path, (9, 12))


def test_names():
    assert get_format("roi").ending == ".rois.zip"
    with pytest.raises(ConfigError, match="no format is called 'xml'; choose of ome-tiff, "):
        get_format("xml")


def test_geojson_has_what_qupath_reads(tmp_path):
    formats.write_geojson(tmp_path / "a.geojson", LABELS, TABLE)
    content = json.loads((tmp_path / "a.geojson").read_text())
    assert content["type"] == "FeatureCollection"
    assert [f["geometry"]["type"] for f in content["features"]] == [
        "MultiPolygon",
        "Polygon",
        "Polygon",
        "Polygon",
    ]
    for feature, number in zip(content["features"], (2, 4, 9, 70_000), strict=True):
        assert feature["type"] == "Feature"
        assert feature["properties"]["objectType"] == "detection"
        assert feature["properties"]["classification"]["name"] == "Nucleus"
        shape = shapely.geometry.shape(feature["geometry"])
        assert shape.is_valid and shape.area == (LABELS == number).sum()
        assert feature["properties"]["measurements"]["label"] == number
        assert all(
            isinstance(v, int | float) for v in feature["properties"]["measurements"].values()
        )
    assert content["features"][0]["properties"]["measurements"] == {
        "label": 2,
        "area": 8,
        "solidity": 0.333333,
        "predicted_iou": 0.5,
        "touches_edge": 1,
    }
    assert "solidity" not in content["features"][2]["properties"]["measurements"]


def geojson(path, *rings, **properties):
    features = [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, **properties}
        for ring in rings
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_geojson_of_others(tmp_path):
    square = [[0.2, 0.2], [2.4, 0.2], [2.4, 1.1], [0.2, 1.1]]
    path = geojson(tmp_path / "a.geojson", square, [[-5, 2], [1, 2], [1, 9], [-5, 9], [-5, 2]])
    assert formats.read_geojson(path, (3, 3)).tolist() == [[1, 1, 0], [0, 0, 0], [2, 0, 0]]
    crossing = geojson(tmp_path / "b.geojson", [[0, 0], [5, 2], [5, 0], [0, 2]])
    assert formats.read_geojson(crossing, (2, 5)).tolist() == [[1, 0, 0, 0, 1]] * 2
    old = {"properties": {"measurements": [{"name": "label", "value": 12}]}}
    assert formats.read_geojson(geojson(path, square, **old), (3, 3)).max() == 12
    path.write_text('{"type": "FeatureCollection", "features": []}')
    assert not formats.read_geojson(path, (3, 3)).any()


@pytest.mark.parametrize(
    ("ring", "message"),
    [
        (
            [[7, 0], [9, 0], [9, 2]],
            r"outline 1 \(x 7 to 9, y 0 to 2\) lies outside the image of 3x3",
        ),
        ([[0, 0], [1e300, 0], [9, 2]], "coordinates that are no numbers"),
        ([["a", 0]], "is not GeoJSON"),
    ],
)
def test_geojson_refuses(tmp_path, ring, message):
    with pytest.raises(InputError, match=message):
        formats.read_geojson(geojson(tmp_path / "a.geojson", ring), (3, 3))


def test_regions_as_imagej_keeps_them(tmp_path):
    path = tmp_path / "a.zip"
    formats.write_roi(path, LABELS)
    regions = roifile.roiread(path)
    assert [region.name for region in regions] == ["000002", "000004", "000009", "070000"]
    assert [region.composite for region in regions] == [True, True, False, False]
    assert regions[3].roitype == roifile.ROI_TYPE.TRACED
    assert regions[3].coordinates().tolist() == [[6, 1], [8, 1], [8, 6], [6, 6]]
    assert [len(ring) for ring in regions[1].coordinates(multi=True)] == [5, 5]
    again = tmp_path / "b.zip"
    formats.write_roi(again, LABELS)
    assert path.read_bytes() == again.read_bytes()


def regions(path, *items):
    with zipfile.ZipFile(path, "w") as archive:
        for number, item in enumerate(items):
            archive.writestr(f"{number}.roi", item.tobytes())
    return path


def test_regions_of_others(tmp_path):
    box = roifile.ImagejRoi()
    box.roitype, box.left, box.top, box.right, box.bottom = roifile.ROI_TYPE.RECT, 1, 0, 3, 2
    loose = roifile.ImagejRoi.frompoints(np.array([[0.1, 2.2], [1.2, 2.2], [1.2, 3.1], [0.1, 3.1]]))
    path = regions(tmp_path / "a.zip", box, loose)
    assert formats.read_roi(path, (3, 3)).tolist() == [[0, 1, 1], [0, 1, 1], [2, 0, 0]]
    with pytest.raises(InputError, match="does not say how large"):
        formats.read_roi(path)
    with pytest.raises(InputError, match="lies outside the image of 3x1"):
        formats.read_roi(path, (3, 1))
    line = roifile.ImagejRoi()
    line.roitype = roifile.ROI_TYPE.LINE
    with pytest.raises(InputError, match="holds no area, only 1 line"):
        formats.read_roi(regions(path, line), (3, 3))
    with pytest.raises(InputError, match="cannot hold 1x40000 pixels; write GeoJSON"):
        formats.write_roi(tmp_path / "b.zip", np.zeros((1, 40_000), np.uint8))


@pytest.mark.parametrize("name", ["coco", "coco-polygons"])
def test_coco_as_pycocotools_reads_it(tmp_path, name):
    path = tmp_path / "a.b.json"
    FORMATS[name].write(path, LABELS, TABLE)
    coco = COCO(path)
    assert coco.imgs == {1: {"id": 1, "file_name": "a.b", "height": 12, "width": 9}}
    assert sorted(coco.anns) == [2, 4, 9, 70_000]
    for number, annotation in coco.anns.items():
        np.testing.assert_array_equal(coco.annToMask(annotation), LABELS == number)
        packed = mask.encode(np.asfortranarray(LABELS == number))
        assert annotation["area"] == mask.area(packed)
        assert annotation["bbox"] == mask.toBbox(packed).tolist()
        polygon = name == "coco-polygons" and number != 4  # 4 has a hole
        assert isinstance(annotation["segmentation"], list if polygon else dict)
    assert coco.anns[9]["score"] == 0.75


def coco(tmp_path, *segmentations, images=1, image_id=1):
    content = {
        "images": [{"id": n + 1, "height": 2, "width": 3} for n in range(images)],
        "annotations": [
            {"id": n + 1, "image_id": image_id, "segmentation": s}
            for n, s in enumerate(segmentations)
        ],
    }
    path = tmp_path / "a.coco.json"
    path.write_text(json.dumps(content))
    return path


def rle(counts, size=(2, 3)):
    return {"size": list(size), "counts": counts}


def test_coco_of_others(tmp_path):
    path = coco(tmp_path, rle([1, 2, 3]), [[2, 0, 3, 0, 3, 2, 2, 2]], [])
    assert formats.read_coco(path).tolist() == [[0, 1, 2], [1, 0, 2]]


@pytest.mark.parametrize(
    ("segmentations", "options", "message"),
    [
        ([rle([1, 9])], {}, "annotation 1 cannot be read .runs over 10 pixels of 6"),
        ([rle([1, 5], (3, 2))], {}, "is for .3, 2. pixels, the image has .2, 3."),
        ([rle([7, -1])], {}, "must not be negative"),
        ([rle("~")], {}, "is no character of run lengths"),
        ([rle([1, 2, 3]), rle([2, 2, 2])], {}, "annotation 2 shares pixels"),
        ([[[8, 0, 9, 0, 9, 2]]], {}, "lies outside the image of 2x3"),
        ([rle([6])], {"images": 2}, "is about 2 images"),
        ([rle([6])], {"image_id": 5}, "annotations of image 5, which it does not list"),
    ],
)
def test_coco_refuses(tmp_path, segmentations, options, message):
    with pytest.raises(InputError, match=message):
        formats.read_coco(coco(tmp_path, *segmentations, **options))


def test_submission_follows_the_rules_of_the_competition(tmp_path):
    path = tmp_path / "all.csv"
    drawn = np.array([[0, 1, 1], [2, 1, 0]])
    formats.write_submissions(path, {"a": drawn, "empty": 0 * drawn})
    with path.open(encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["ImageId", "EncodedPixels"],
            ["a", "3 3"],
            ["a", "2 1"],
            ["empty", ""],
        ]
    for name, expected in (("a", drawn), ("empty", 0 * drawn)):
        path.replace(path := tmp_path / f"{name}.csv")
        assert formats.read_submission(path, (2, 3)).tolist() == expected.tolist()
    path.replace(path := tmp_path / "b.csv")
    with pytest.raises(InputError, match="holds 2 images, none called b"):
        formats.read_submission(path, (2, 3))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,6 2", "run 6 2 goes beyond the 6 pixels"),
        ("a,0 2", "run 0 2 goes beyond"),
        ("a,1 2\na,2 2", "run 2 2 shares pixels with another"),
        ("a,1", "row 1 holds no pairs"),
        ("a,1 2,3", "has a row of 3 cells"),
    ],
)
def test_submission_refuses(tmp_path, rows, message):
    path = tmp_path / "a.csv"
    path.write_text(f"ImageId,EncodedPixels\n{rows}\n")
    with pytest.raises(InputError, match=message):
        formats.read_submission(path, (2, 3))


def test_ome_tiff_holds_the_size_of_a_pixel(tmp_path):
    path = tmp_path / "a.ome.tif"
    formats.write_ome_tiff(path, LABELS, pixel_size=0.25)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome and 'PhysicalSizeX="0.25"' in tiff.ome_metadata
        assert tiff.pages[0].tags["XResolution"].value == (40_000, 1)
        assert tiff.pages[0].dtype == np.uint32
        np.testing.assert_array_equal(tiff.asarray(), LABELS)
    formats.write_ome_tiff(path, LABELS, overwrite=True, pixel_size=(0.5, 0.25))
    assert 'PhysicalSizeY="0.5"' in tifffile.TiffFile(path).ome_metadata
    with pytest.raises(ValueError, match="pixel_size must be positive"):
        formats.write_ome_tiff(tmp_path / "b.tif", LABELS, pixel_size=0)
