import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nucleisplit.errors import InputError
from nucleisplit.labels import read_labels, write_geojson, write_labels, write_roi, write_volumes
from nucleisplit.measure import measure
from nucleisplit.viewer import open_results as read
from nucleisplit.viewer.open_results import find_reader

GRAY = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80)
LABELS = np.zeros((60, 80), np.int32)
LABELS[5:15, 5:15], LABELS[30:50, 30:50], LABELS[40:60, 70:80] = 1, 2, 5
TABLE = measure(LABELS, GRAY, [0.3, 0.6, 0.9], [0.5] * 3)


@pytest.fixture(autouse=True)
def _colormaps(monkeypatch):
    """Colormaps as tables, so that napari is not needed."""
    monkeypatch.setattr(read, "_colormap", lambda iou: iou)


@pytest.fixture
def run(tmp_path):
    """A folder as infer leaves it: two images, the second one gone since, and one that failed."""
    out = tmp_path / "out"
    tables, entries = [], []
    for name in ("a", "b"):
        write_labels(out / f"{name}_labels.tif", LABELS)
        tables.append(TABLE.assign(image=f"{name}.tif"))
        entries.append(
            {
                "image": f"{name}.tif",
                "key": f"../{name}.tif",
                "status": "ok",
                "labels": f"{name}_labels.tif",
            }
        )
    tifffile.imwrite(tmp_path / "a.tif", GRAY)
    entries.append({"image": "c.tif", "status": "failed", "message": "c.tif: is empty"})
    import pandas as pd

    pd.concat(tables).to_csv(out / "nuclei.csv", index=False)
    record = {"nucleisplit": "0", "status": "finished", "parameters": {}, "images": entries}
    (out / "run.json").write_text(json.dumps(record))
    return out


def layers_of(path):
    return find_reader(str(path))(str(path))


def test_a_run_is_read_with_its_images_and_measurements(run):
    image, first, second = layers_of(run)
    assert [(meta["name"], kind) for _, meta, kind in (image, first, second)] == [
        ("a", "image"),
        ("a_labels", "labels"),
        ("b_labels", "labels"),
    ]
    assert np.array_equal(image[0], GRAY)
    assert image[1]["rgb"] is False
    assert [meta["visible"] for _, meta, _ in (image, first, second)] == [True, True, False]
    for labels, meta, _ in (first, second):
        assert np.array_equal(labels, LABELS)
        features = meta["features"]
        assert features["index"].tolist() == features["label"].tolist() == [1, 2, 5]
        assert "image" not in features
        assert features["area"].tolist() == TABLE["area"].tolist()
        assert meta["colormap"] == pytest.approx(
            [np.nan, 0.3, 0.6, np.nan, np.nan, 0.9], nan_ok=True
        )


def test_the_labels_of_one_image_of_a_run_have_its_measurements(run):
    ((labels, meta, kind),) = layers_of(run / "b_labels.tif")
    assert kind == "labels"
    assert np.array_equal(labels, LABELS)
    assert meta["features"]["predicted_iou"].tolist() == [0.3, 0.6, 0.9]


def test_layers_have_the_size_of_a_pixel(run):
    record = json.loads((run / "run.json").read_text())
    record["images"][0]["pixel_size_um"] = [0.5, 0.25]
    record["images"][1]["voxel_size_um"] = [2, 0.5, 0.5]
    (run / "run.json").write_text(json.dumps(record))
    for layer, length in zip(
        layers_of(run), [(0.5, 0.25), (0.5, 0.25), (2, 0.5, 0.5)], strict=True
    ):
        assert layer[1]["scale"] == length
        assert layer[1]["units"] == ("um",) * len(length)
    assert layers_of(run / "a_labels.tif")[0][1]["scale"] == (0.5, 0.25)


def test_labels_elsewhere_have_none(tmp_path):
    write_labels(tmp_path / "x_labels.tif", LABELS)
    ((labels, meta, _),) = layers_of(tmp_path / "x_labels.tif")
    assert np.array_equal(labels, LABELS)
    assert meta == {"name": "x_labels"}


def test_labels_of_a_stack(tmp_path):
    volume = np.stack([LABELS, 0 * LABELS, LABELS + (LABELS > 0)])
    write_volumes(tmp_path / "z_labels.tif", volume)
    ((labels, _, _),) = layers_of(tmp_path / "z_labels.tif")
    assert np.array_equal(labels, volume)


def test_outlines_are_read_with_their_measurements(tmp_path):
    write_geojson(tmp_path / "a.geojson", LABELS, TABLE)
    ((labels, meta, _),) = layers_of(tmp_path / "a.geojson")
    assert np.array_equal(labels, LABELS)
    assert meta["features"]["area"].tolist() == TABLE["area"].tolist()
    assert meta["colormap"][5] == 0.9
    write_geojson(tmp_path / "bare.geojson", LABELS)
    assert "colormap" not in layers_of(tmp_path / "bare.geojson")[0][1]


def test_regions_are_read(tmp_path):
    write_roi(tmp_path / "a.rois.zip", LABELS)
    ((labels, meta, _),) = layers_of(tmp_path / "a.rois.zip")
    assert np.array_equal(labels, LABELS)
    assert meta == {"name": "a"}


def test_what_is_not_ours_is_left_to_others(tmp_path):
    tifffile.imwrite(tmp_path / "x_labels.tif", LABELS.astype(np.uint16))
    tifffile.imwrite(tmp_path / "plain.tif", GRAY, software="nucleisplit")
    (tmp_path / "broken_labels.tif").write_bytes(b"II*\0nothing")
    (tmp_path / "qupath.geojson").write_text('{"type":"FeatureCollection","features":[]}')
    (tmp_path / "nuclei.csv").write_text("label,area\n1,2\n")
    with zipfile.ZipFile(tmp_path / "RoiSet.zip", "w") as archive:
        archive.writestr("1.roi", b"Iout")
    (tmp_path / "text.zip").write_text("no zip")
    for path in [tmp_path, *tmp_path.iterdir(), tmp_path / "missing_labels.tif"]:
        assert find_reader(str(path)) is None, path
    assert find_reader([str(tmp_path / "x_labels.tif"), str(tmp_path / "y_labels.tif")]) is None


def test_a_folder_with_another_record_is_not_ours(run):
    (run / "run.json").write_text('{"images": []}')
    assert find_reader(str(run)) is None


def test_many_images_are_not_opened_together(run, monkeypatch):
    monkeypatch.setattr(read, "_MOST", 1)
    with pytest.raises(InputError, match="holds 2 images, too many .*; open one of its"):
        layers_of(run)


def test_lost_labels_are_told(run):
    (run / "b_labels.tif").unlink()
    with pytest.raises(InputError, match="the labels of b.tif are gone; run infer again"):
        layers_of(run)


def test_a_colour_image_is_read_as_such(run):
    rgb = np.stack([GRAY // 20] * 3, axis=-1).astype(np.uint8)
    Image.fromarray(rgb).save(Path(run).parent / "a.tif")
    image = layers_of(run)[0]
    assert np.array_equal(image[0], rgb)
    assert image[1]["rgb"] is True
    assert np.array_equal(read_labels(run / "a_labels.tif"), LABELS)
