"""What every format of labels has to do: be read by an independent program of its field and by
ourselves, with nuclei, without and with high numbers, under a name with blanks and umlauts; and be
refused in one line, at once, when the file is damaged or claims what cannot be."""

import gzip
import json
import re
import shutil
import zipfile

import geojson
import geopandas
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import roifile
import shapely
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from pycocotools.coco import COCO

from nucleisplit.endings import stem_of
from nucleisplit.errors import InputError
from nucleisplit.images import open_image
from nucleisplit.labels import FORMATS, read_label_file, write_as, write_in_place
from nucleisplit.measure import measure
from tests.strategies.labels import broken_bytes, broken_json
from tests.strategies.zarrs import VERSIONS

SOME = np.zeros((12, 9), np.int32)
SOME[1:6, 1:6], SOME[3, 3], SOME[1:6, 6:8], SOME[7:9, 0:2], SOME[9:11, 2:4] = 4, 0, 70_000, 2, 2
NONE = np.zeros((12, 9), np.int32)


def from_tiff(path):
    return tifffile.imread(path)


def from_numpy(path):
    return np.load(path, allow_pickle=False)


def from_zarr(path):
    (node,) = Reader(parse_url(path / "labels" / "nuclei"))()
    return np.asarray(node.data[0])


def fill(polygons):
    """Paint (number, shapely polygon) by the centres of the pixels."""
    found = np.zeros(SOME.shape, np.int32)
    rows, columns = np.indices(SOME.shape) + 0.5
    for number, polygon in polygons:
        assert polygon.is_valid
        found[shapely.contains_xy(polygon, columns, rows)] = number
    return found


def from_geojson(path):
    content = geojson.loads(path.read_text(encoding="utf-8"))
    assert isinstance(content, geojson.FeatureCollection) and content.is_valid
    return fill(
        (feature.properties["measurements"]["label"], shapely.geometry.shape(feature.geometry))
        for feature in content.features
    )


def from_packed_geojson(path):
    content = json.loads(gzip.decompress(path.read_bytes()))
    return fill(
        (
            feature["properties"]["measurements"]["label"],
            shapely.geometry.shape(feature["geometry"]),
        )
        for feature in content["features"]
    )


def from_geoparquet(path):
    table = geopandas.read_parquet(path)
    assert table.crs is None
    return fill(zip(table["label"], table.geometry))


def from_roi(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        regions = [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]
    polygons = []
    for region in regions:
        rings = map(shapely.Polygon, region.coordinates(multi=True))
        whole = shapely.Polygon()
        for ring in rings:  # ImageJ fills by the even-odd rule
            whole = whole.symmetric_difference(ring)
        polygons.append((int(region.name), whole))
    return fill(polygons)


def from_coco(path):
    coco = COCO(path)
    (image,) = coco.imgs.values()
    assert image["file_name"] == stem_of(path)
    found = np.zeros((image["height"], image["width"]), np.int32)
    for number, annotation in coco.anns.items():
        found[coco.annToMask(annotation) > 0] = number
    return found


def from_hovernet(path):
    import cv2

    content = json.loads(path.read_text(encoding="utf-8"))
    found = np.zeros(SOME.shape, np.int32)
    for number, nucleus in content["nuc"].items():
        contour = np.array(nucleus["contour"])[:, None]
        cv2.drawContours(found, [contour], -1, int(number), cv2.FILLED)
    # what a contour cannot hold, holes and further pieces, is there a second time
    for number, nucleus in content["nuc"].items():
        whole = shapely.Polygon()
        for ring in nucleus.get("outlines", ()):
            whole = whole.symmetric_difference(shapely.Polygon(ring))
        if not whole.is_empty:
            found = np.where(found == int(number), 0, found) + fill([(int(number), whole)])
    return found


def from_submission(path):
    table = pd.read_csv(path, keep_default_na=False)
    flat = np.zeros(SOME.size, np.int32)
    for number, runs in enumerate(table["EncodedPixels"], start=1):
        pairs = np.array(runs.split(), int).reshape(-1, 2)
        for start, length in pairs:
            flat[start - 1 : start - 1 + length] = number
    return flat.reshape(SOME.shape, order="F")


READERS = {
    "tiff": from_tiff,
    "ome-tiff": from_tiff,
    "ome-zarr": from_zarr,
    "ome-zarr-0.4": from_zarr,
    "numpy": from_numpy,
    "geojson": from_geojson,
    "geojson-gz": from_packed_geojson,
    "geoparquet": from_geoparquet,
    "roi": from_roi,
    "coco": from_coco,
    "coco-polygons": from_coco,
    "hovernet": from_hovernet,
    "submission": from_submission,
}


def claim(old, new):
    """Replace something in the bytes of a file."""

    def change(path):
        data = path.read_bytes()
        found = re.sub(old, new, data, count=1)
        assert found != data
        path.write_bytes(found)

    return change


def claim_in_comment(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b'{"height":46000,"width":46000}'


def claim_in_header(path):
    with path.open("wb") as file:
        head = {"shape": (10**6, 10**6), "fortran_order": False, "descr": "<i4"}
        np.lib.format.write_array_header_1_0(file, head)


def claim_in_packed(path):
    text = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(text.replace(b": 12", b": 46000").replace(b": 9}", b": 46000}")))


def claim_in_parquet(path):
    table = pyarrow.parquet.read_table(path)
    about = {**table.schema.metadata, b"nucleisplit": b'{"height":46000,"width":46000}'}
    pyarrow.parquet.write_table(table.replace_schema_metadata(about), path)


SIDE = 46_000
ABSURD = {
    "numpy": claim_in_header,
    "geojson": claim(rb'"height": 12, "width": 9', b'"height": %d, "width": %d' % (SIDE, SIDE)),
    "geojson-gz": claim_in_packed,
    "geoparquet": claim_in_parquet,
    "roi": claim_in_comment,
    "coco": claim(rb'"height":12,"width":9', b'"height":%d,"width":%d' % (SIDE, SIDE)),
    "coco-polygons": claim(rb'"height":12,"width":9', b'"height":%d,"width":%d' % (SIDE, SIDE)),
    "hovernet": claim(rb'"height":12,"width":9', b'"height":%d,"width":%d' % (SIDE, SIDE)),
    "submission": claim(rb",\d+", b"," + b"9" * 5000),
}
"""What makes a file of each format claim the impossible. What label images claim is for the readers
of images to check."""
IMAGES = {"tiff", "ome-tiff", "ome-zarr", "ome-zarr-0.4"}


def test_every_format_is_here():
    assert set(READERS) == set(FORMATS) - {"spatialdata"} == set(ABSURD) | IMAGES


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_claims_are_refused(tmp_path, name):
    path = tmp_path / f"a{FORMATS[name].ending}"
    FORMATS[name].write(path, SOME)
    ABSURD[name](path)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: ") as caught:
        read_label_file(path, SOME.shape if name == "submission" else None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", READERS)
def test_a_file_cut_off_is_refused(tmp_path, name):
    path = tmp_path / f"a{FORMATS[name].ending}"
    FORMATS[name].write(path, SOME)
    if path.is_dir():
        shutil.rmtree(path / "labels" / "nuclei")
    elif name == "submission":  # a text that may end after any pair of numbers
        path.write_bytes(path.read_bytes().rpartition(b" ")[0])
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: "):
        read_label_file(path, SOME.shape)


MUTANTS = {
    "geojson": broken_json,
    "geojson-gz": broken_bytes,
    "geoparquet": broken_bytes,
    "coco": broken_json,
    "coco-polygons": broken_json,
    "hovernet": broken_json,
    "roi": broken_bytes,
    "numpy": broken_bytes,
    "submission": broken_bytes,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MUTANTS)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_mutants_are_read_or_refused(tmp_path, name, data):
    """Whatever is wrong with a file: labels of the right shape, or one line that names it."""
    path = tmp_path / f"a{FORMATS[name].ending}"
    FORMATS[name].write(path, SOME, overwrite=True)
    path.write_bytes(data.draw(MUTANTS[name](path.read_bytes())) or b"\n")
    try:
        labels = read_label_file(path, SOME.shape)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert labels.dtype == np.int32 and labels.ndim == 2 and labels.min() >= 0


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("labels", [SOME, NONE], ids=["some", "none"])
@pytest.mark.parametrize("stem", ["a", "Zellkörper 1 é"])
def test_read_by_others_and_by_ourselves(tmp_path, name, labels, stem):
    path = tmp_path / stem / f"{stem}{FORMATS[name].ending}"
    table = measure(labels, labels, np.full(len(np.unique(labels)) - 1, 0.5))
    FORMATS[name].write(path, labels, table)
    expected = labels
    if name == "submission":  # it keeps no numbers
        expected = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    np.testing.assert_array_equal(READERS[name](path), expected)
    np.testing.assert_array_equal(read_label_file(path, labels.shape), expected)


@pytest.mark.parametrize("name", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("size", [(0.5, 0.25), None])
def test_the_size_of_a_pixel_is_read_by_others(tmp_path, size, name):
    path = tmp_path / "a.ome.zarr"
    FORMATS[name].write(path, SOME, pixel_size=size)
    (node,) = Reader(parse_url(path / "labels" / "nuclei"))()
    assert node.metadata["coordinateTransformations"][0][0]["scale"] == list(size or (1, 1))
    assert [axis.get("unit") for axis in node.metadata["axes"]] == [size and "micrometer"] * 2
    path = tmp_path / "a.ome.tif"
    FORMATS["ome-tiff"].write(path, SOME, pixel_size=size)
    with tifffile.TiffFile(path) as tiff:
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        assert (pixels.get("PhysicalSizeY"), pixels.get("PhysicalSizeX")) == (size or (None, None))


@pytest.mark.skipif(VERSIONS == [2], reason="ome-zarr-models needs zarr 3")
@pytest.mark.parametrize("name", ["ome-zarr", "ome-zarr-0.4"])
def test_ome_zarr_is_what_its_specification_asks_for(tmp_path, name):
    from ome_zarr_models import open_ome_zarr

    path = tmp_path / "a.ome.zarr"
    tifffile.imwrite(tmp_path / "a.tif", SOME.astype(np.uint16))
    with open_image(tmp_path / "a.tif") as source:
        write_as(name, path, SOME, pixel_size=0.5, image=source.plane())
    for _ in range(2):  # as a whole, then in place
        kinds = [
            type(open_ome_zarr(zarr.open_group(str(path / inner), mode="r"))).__name__
            for inner in ("", "labels", "labels/nuclei")
        ]
        assert kinds == ["Image", "Labels", "ImageLabel"]
        with open_image(path) as source:
            write_in_place(source.plane(), SOME, overwrite=True)


def test_geojson_is_what_qupath_documents_and_reads(tmp_path):
    """Of QuPath 0.4 and later: what its class PathObjectTypeAdapters looks for in a feature."""
    path = tmp_path / "a.geojson"
    FORMATS["geojson"].write(path, SOME, measure(SOME, SOME, pixel_size=(0.5, 0.5)))
    content = json.loads(path.read_text())
    assert content["type"] == "FeatureCollection" and len(content["features"]) == 3
    for feature in content["features"]:
        assert set(feature) == {"type", "geometry", "properties"}
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon")
        properties = feature["properties"]
        assert set(properties) == {"objectType", "classification", "measurements"}
        assert properties["objectType"] in ("annotation", "detection", "cell", "tile")
        kind = properties["classification"]
        assert set(kind) == {"name", "color"} and kind["name"] == "Nucleus"
        assert len(kind["color"]) == 3
        assert all(isinstance(part, int) and 0 <= part <= 255 for part in kind["color"])
        measured = properties["measurements"]
        assert {"area", "area_um2", "circularity", "neighbours_near"} <= set(measured)
        for name, value in measured.items():
            assert isinstance(name, str) and isinstance(value, int | float)
            assert np.isfinite(value)
        assert "predicted_iou" not in measured  # not known here
    assert [f["properties"]["measurements"]["label"] for f in content["features"]] == [2, 4, 70_000]
