import json

import numpy as np
import pandas as pd
import pytest

from nucleisplit.errors import InputError
from nucleisplit.labels import read_geojson, read_labels, read_roi
from nucleisplit.viewer.region import Region, place_in_image
from nucleisplit.viewer.save_labels import write_geojson, write_regions, write_tiff

LABELS = np.zeros((20, 30), np.int32)
LABELS[2:8, 2:8], LABELS[10:15, 10:25] = 3, 300


@pytest.mark.parametrize(
    ("write", "name", "read"),
    [
        (write_tiff, "a.tif", read_labels),
        (write_geojson, "a.geojson", read_geojson),
        (write_regions, "a.rois.zip", read_roi),
    ],
)
@pytest.mark.parametrize("data", [LABELS, LABELS[None, None], LABELS.astype(np.int64)])
def test_labels_are_read_back(tmp_path, write, name, read, data):
    path = str(tmp_path / name)
    assert write(path, data, {}) == [path]
    assert np.array_equal(read(path), LABELS)
    write(path, data * 2, {})  # napari has asked before
    assert read(path).max() == 600


@pytest.mark.parametrize(
    "features",
    [
        pd.DataFrame({"index": [3, 300], "predicted_iou": [0.25, 0.75]}),
        pd.DataFrame({"index": [3, 300], "label": [3, 300], "predicted_iou": [0.25, 0.75]}),
    ],
)
def test_features_become_measurements(tmp_path, features):
    path = str(tmp_path / "a.geojson")
    write_geojson(path, LABELS, {"features": features})
    found = [f["properties"]["measurements"] for f in json.loads(open(path).read())["features"]]
    assert found == [
        {"label": 3, "predicted_iou": 0.25},
        {"label": 300, "predicted_iou": 0.75},
    ]


def test_features_of_no_label_are_left_out(tmp_path):
    path = str(tmp_path / "a.geojson")
    write_geojson(path, LABELS, {"features": pd.DataFrame({"colour": [1, 2, 3]})})
    assert '"colour"' not in open(path).read()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.stack([LABELS, LABELS]), "cannot hold 3-D labels; save one slice"),
        (LABELS - 1, "the labels hold -1; use 0 for background"),
    ],
)
def test_what_the_formats_cannot_hold_is_refused(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        write_tiff(str(tmp_path / "a.tif"), data, {})


@pytest.mark.parametrize("name", ["a.geojson", "a.rois.zip"])
def test_outlines_of_a_region_lie_where_it_is_in_its_image(tmp_path, name):
    """Rows 100 to 120 and columns 50 to 80 of an image of 256x320 pixels."""
    region = Region(slice(100, 120), slice(50, 80))
    path = str(tmp_path / name)
    write = write_geojson if name == "a.geojson" else write_regions
    write(path, LABELS[None], {"metadata": place_in_image(region, (256, 320))})
    found = (read_geojson if name == "a.geojson" else read_roi)(path)
    assert found.shape == (256, 320)
    assert np.array_equal(found[100:120, 50:80], LABELS)
    assert np.count_nonzero(found) == np.count_nonzero(LABELS)
    with pytest.raises(InputError, match="a region of an image of 100000x90000 pixels cannot be"):
        write(path, LABELS, {"metadata": place_in_image(region, (100_000, 90_000))})
