import numpy as np
import pandas as pd
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from nucleisplit.cli.main import main
from nucleisplit.cli.options import FORMAT_NAMES
from nucleisplit.labels import FORMATS, read_label_file, read_labels, write_labels


def run(*words):
    return CliRunner().invoke(main, ["convert", *map(str, words)])


@pytest.fixture
def folder(tmp_path, spots):
    """What ``infer`` writes, of two images, the second without nuclei."""
    folder = tmp_path / "in"
    write_labels(folder / "a_labels.tif", spots(0)[1])
    write_labels(folder / "b_labels.tif", np.zeros((5, 6), np.uint8))
    return folder


def test_names_of_the_formats():
    assert tuple(FORMATS) == FORMAT_NAMES


@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if name != "spatialdata"])
def test_there_and_back(tmp_path, folder, name):
    there = run(folder, tmp_path / "there", "--to", name)
    assert there.exit_code == 0, there.output
    assert there.output.startswith("7 nuclei in 2 images: ")
    files = {p.name for p in (tmp_path / "there").iterdir()}
    assert files == {f"{stem}{FORMATS[name].ending}" for stem in "ab"}
    for stem in "ab":
        expected = read_labels(folder / f"{stem}_labels.tif")
        if name == "submission":
            Image.fromarray(expected.astype(np.uint8)).save(tmp_path / "there" / f"{stem}.png")
        file = tmp_path / "there" / f"{stem}{FORMATS[name].ending}"
        back = run(file, tmp_path / f"{stem}.tif")
        assert back.exit_code == 0, back.output
        assert np.array_equal(read_labels(tmp_path / f"{stem}.tif"), expected)


def test_one_table_of_all_images(tmp_path, folder):
    assert run(folder, tmp_path / "all.csv").output.startswith("7 nuclei in 2 images")
    table = pd.read_csv(tmp_path / "all.csv", keep_default_na=False)
    assert table["ImageId"].tolist() == ["a"] * 7 + ["b"]
    assert table["EncodedPixels"].iloc[-1] == ""


def test_pixel_size(tmp_path, folder):
    assert run(folder / "a_labels.tif", tmp_path / "a.ome.tif", "--pixel-size", 0.5).exit_code == 0
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        assert 'PhysicalSizeY="0.5"' in tiff.ome_metadata
    result = run(folder / "a_labels.tif", tmp_path / "a.geojson", "--pixel-size", 0.5)
    assert result.exit_code == 2
    message = "geojson holds no pixel size; use --to ome-tiff, ome-zarr or spatialdata"
    assert result.output == f"nucleisplit: {message}\n"


def test_the_plane_that_holds_the_labels(tmp_path, spots):
    """Of a label image of two slices, which a hint asks for, and beside an image of channels."""
    first, second = spots(0)[1], spots(1)[1]
    stack = np.stack([first, second]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, metadata={"axes": "ZYX"}, ome=True)
    refused = run(tmp_path / "a.tif", tmp_path / "o.tif")
    assert refused.exit_code == 2 and "choose with --z" in refused.output
    for z, labels in enumerate((first, second)):
        assert run(tmp_path / "a.tif", tmp_path / "o.tif", "--z", z, "--overwrite").exit_code == 0
        assert np.array_equal(read_labels(tmp_path / "o.tif"), labels)
        words = ["evaluate", str(tmp_path / "o.tif"), str(tmp_path / "a.tif"), "--z", str(z)]
        assert " 1.000 " in CliRunner().invoke(main, words).output
    channels = np.zeros((4, *first.shape), np.uint8)
    tifffile.imwrite(tmp_path / "b.ome.tif", channels, metadata={"axes": "CYX"})
    (tmp_path / "b.csv").write_text("ImageId,EncodedPixels\nb,1 3\n")
    assert run(tmp_path / "b.csv", tmp_path / "b_labels.tif").exit_code == 0
    assert read_labels(tmp_path / "b_labels.tif").shape == first.shape


def test_overwriting_is_refused_before_anything_is_written(tmp_path, folder):
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.geojson").write_text("mine")
    result = run(folder, out, "--to", "geojson")
    assert result.exit_code == 2 and "b.geojson: exists; use --overwrite" in result.output
    assert [p.name for p in out.iterdir()] == ["b.geojson"]
    assert run(folder, out, "--to", "geojson", "--overwrite").exit_code == 0
    assert not read_label_file(out / "b.geojson").any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["in/a_labels.tif", "a.xyz"], "a.xyz: its ending tells no format; choose one with --to"),
        (["nowhere", "a.tif"], "nowhere: does not exist"),
        (["in", "in/a_labels.tif", "--to", "roi"], "a_labels.tif: is a file; name a folder"),
        (["lone.csv", "a.tif"], "put the image of that name beside it"),
    ],
)
def test_bad_input_is_one_line(tmp_path, folder, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lone.csv").write_text("ImageId,EncodedPixels\nlone,1 2\n")
    result = run(*words)
    assert result.exit_code == 2 and message in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("ending", ["hovernet.json", "geojson", "rois.zip", "coco.json"])
def test_classes_are_kept(tmp_path, ending):
    import pandas as pd

    from nucleisplit.labels import format_of, write_as

    labels = np.zeros((9, 9), np.int32)
    labels[1:4, 1:4], labels[5:8, 5:8], labels[1:4, 5:8] = 1, 2, 3
    table = pd.DataFrame({"label": [1, 2], "class": ["x", "y"]})
    write_as("hovernet", tmp_path / "a.hovernet.json", labels, table)
    out = tmp_path / f"out.{ending}"
    words = ["convert", str(tmp_path / "a.hovernet.json"), str(out)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert format_of(out).read_classes(out) == {1: "x", 2: "y"}
    np.testing.assert_array_equal(format_of(out).read(out), labels)
