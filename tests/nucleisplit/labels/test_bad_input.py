"""What other programs write and no nucleus is: each is one line that names the file, or is drawn as
the format has it."""

import io
import json
import zipfile

import numpy as np
import pytest
import roifile
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.errors import InputError, InputWarning
from nucleisplit.labels import read_label_file
from nucleisplit.tables import read_nuclei

STAR = [[4.5, 0], [7.3, 8.6], [0, 3.3], [9, 3.3], [1.7, 8.6]]


def geojson(*rings):
    geometry = [{"type": "Polygon", "coordinates": [ring]} for ring in rings]
    features = [{"type": "Feature", "geometry": g, "properties": {}} for g in geometry]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def coco(*segmentations, image_id=1):
    images = [{"id": 1, "file_name": "a.png", "height": 9, "width": 9}]
    annotations = [
        {"id": number, "image_id": image_id, "segmentation": segmentation}
        for number, segmentation in enumerate(segmentations, start=1)
    ]
    return json.dumps({"images": images, "annotations": annotations}).encode()


def rle(*counts, size=(9, 9)):
    return {"size": size, "counts": list(counts)}


def region(*points):
    return roifile.ImagejRoi.frompoints(np.array(points, float)).tobytes()


def zipped(*regions):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, content in enumerate(regions):
            archive.writestr(f"{number}.roi", content)
    return file.getvalue()


def runs(*rows):
    return "\n".join(["ImageId,EncodedPixels", *(f"a,{row}" for row in rows), ""]).encode()


BAD = [
    ("a.geojson", geojson([[20, 0], [25, 0], [25, 5]]), "x 20 to 25, y 0 to 5.* lies outside"),
    ("a.geojson", geojson([[0, -9], [5, -9], [5, -1]]), "lies outside the image of 9x9"),
    ("a.geojson", geojson([[0, 0], [float("nan"), 5], [5, 0]]), "coordinates that are no numbers"),
    ("a.geojson", geojson([["x", 0], [5, 5]]), "is not GeoJSON"),
    ("a.geojson", b'{"type": "FeatureCollection"}', "is not GeoJSON .KeyError"),
    ("a.geojson", geojson([1, 2, 3]), r"is not GeoJSON .ValueError: a ring of the shape \(3,\)"),
    ("a.geojson", geojson([[1], [2], [3]]), r"a ring of the shape \(3, 1\)"),
    (
        "a.geojson",
        b'{"type":"FeatureCollection","nucleisplit":{"height":1e400,"width":9}}',
        "damag",
    ),
    ("a.geojson", b"[" * 100_000, "a.geojson: is damaged, or is not GeoJSON"),
    ("a.coco.json", b"[" * 100_000, "a.coco.json: is damaged, or is not COCO"),
    ("a.coco.json", coco(rle(10**30, 4)), "annotation 1 cannot be read .not all are whole numbers"),
    ("a.coco.json", coco({"size": [9, 9], "counts": "o" * 50_000}), "has too many digits"),
    ("a.submission.csv", runs("9" * 5000 + " 1"), "holds no pairs of numbers: '9999"),
    ("a.rois.zip", zipped(region([20, 1], [25, 1], [25, 5])), "lies outside the image of 9x9"),
    ("a.rois.zip", zipped(region([-9, 1], [-2, 1], [-2, 5])), "lies outside the image of 9x9"),
    ("a.rois.zip", zipped(b"no region"), "a.rois.zip: "),
    ("a.coco.json", coco(rle(0, 4, 77), image_id=7), "image 7, which it does not list"),
    ("a.coco.json", coco(rle(80, 9)), "runs over 89 pixels of 81"),
    ("a.coco.json", coco(rle(0, 4, 96, size=(10, 10))), r"is for \[10, 10\] pixels"),
    ("a.coco.json", coco(rle(0, 4, 77), rle(3, 4, 74)), "annotation 2 shares pixels with another"),
    ("a.coco.json", coco({"size": [9, 9], "counts": "04m2~"}), "is no character of run lengths"),
    ("a.submission.csv", runs("80 5"), "run 80 5 goes beyond the 81 pixels"),
    ("a.submission.csv", runs("1 4", "3 4"), "run 3 4 shares pixels with another"),
    ("a.submission.csv", runs("-1 4"), "holds no pairs of numbers"),
    ("a.ome.zarr", b"a file", "a.ome.zarr: "),
    ("a.tif", b"II*\0 and no more", "a.tif: "),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD)
def test_refused_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_label_file(tmp_path / name, (9, 9))
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / name}: ") and "\n" not in text


@pytest.mark.parametrize(
    ("name", "whole"),
    [("a.submission.csv", runs("1 4", "10 25")), ("nuclei.csv", b"label,area\n1,4\n2,25\n")],
)
def test_a_table_that_may_be_cut_off(tmp_path, name, whole, recwarn):
    path = tmp_path / name
    read = read_nuclei if name == "nuclei.csv" else lambda path: read_label_file(path, (9, 9))
    path.write_bytes(whole)
    read(path)
    assert not recwarn
    path.write_bytes(whole[:-2])
    with pytest.warns(InputWarning, match=f"{name}: ends in the middle of a line; if it was cut"):
        read(path)


def test_a_bad_file_leaves_no_output(tmp_path):
    (tmp_path / "ein é.geojson").write_bytes(b"{")
    words = ["convert", str(tmp_path / "ein é.geojson"), str(tmp_path / "b.rois.zip")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and "ein é.geojson: is damaged, or is not GeoJSON" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["ein é.geojson"]


@pytest.mark.parametrize("name", ["a.geojson", "a.rois.zip"])
def test_a_ring_that_crosses_itself_encloses_its_odd_loops(tmp_path, name):
    content = geojson(STAR) if name == "a.geojson" else zipped(region(*STAR))
    (tmp_path / name).write_bytes(content)
    labels = read_label_file(tmp_path / name, (9, 9))
    assert labels[1, 4] == labels[3, 1] == labels[3, 7] == labels[7, 2] == labels[7, 6] == 1
    assert labels[5, 4] == 0  # inside two loops
    assert set(np.unique(labels)) == {0, 1}


def test_what_reaches_beyond_the_image_is_cut_off(tmp_path):
    square = [[-5, 6], [4, 6], [4, 20], [-5, 20]]
    for name, content in (("a.geojson", geojson(square)), ("a.rois.zip", zipped(region(*square)))):
        (tmp_path / name).write_bytes(content)
        labels = read_label_file(tmp_path / name, (9, 9))
        assert labels.sum() == labels[6:, :4].sum() == 12
