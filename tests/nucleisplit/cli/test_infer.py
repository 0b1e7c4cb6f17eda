"""``nucleisplit infer`` as a user meets it: real files in, real files out."""

import json
import os
import shutil

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile
from click.testing import CliRunner
from PIL import Image

import nucleisplit
from nucleisplit.batch import process
from nucleisplit.batch.outputs import JOURNAL
from nucleisplit.cli.main import main
from nucleisplit.errors import OutputError
from nucleisplit.images import open_image, read_image
from nucleisplit.labels import FORMATS, read_label_file, read_labels
from stage2_trees import DOUBTFUL


@pytest.fixture
def images(tmp_path, spots):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(spots(number)[0]).save(folder / f"cell{number}.png")
    return folder


@pytest.fixture
def infer(model):
    """Run the command with the tiny model; more arguments as given."""

    def run(*arguments, model=model):
        words = ["infer", *arguments, "--model", model, "--device", "cpu"]
        return CliRunner().invoke(main, [str(word) for word in words])

    return run


def record(out):
    return json.loads((out / "run.json").read_text())


def contents(out):
    """Every file below a folder and its bytes."""
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def results(out):
    """What may not depend on how often a run was interrupted."""
    return {n: data for n, data in contents(out).items() if n not in (JOURNAL, "run.json")}


def test_a_folder_is_segmented_into_a_folder_beside_it(images, infer, model):
    result = infer(images)
    assert result.exit_code == 0, result.output
    out = images.with_name("images-nuclei")
    names = {
        f"cell{n}_{kind}" for n in range(3) for kind in ("labels.tif", "overlay.png", "review.json")
    }
    assert set(contents(out)) == names | {"nuclei.csv", "run.json", JOURNAL}

    table = pd.read_csv(out / "nuclei.csv")
    assert table.columns[0] == "image"
    run = record(out)
    assert run["status"] == "finished"
    assert run["nucleisplit"] == nucleisplit.__version__
    assert run["model"]["fingerprint"] == nucleisplit.load_bundle(model).fingerprint
    cut = {"min_iou": 0.0, "min_area": 0, "split_bias": 0.0, "sensitivity": 0.0}
    cut |= {"outline_bias": 0.0, "class_min_iou": {}, "class_min_area": {}}
    maps = {"tta": "none", "diameter": None, "rescale": True, "tile": None}
    names = ("axes", "channel", "z", "t", "scene", "level", "mpp", "max_pixels", "anisotropy")
    backend = run["parameters"].pop("backend")
    assert backend.startswith(("torch", "openvino"))
    planes = dict.fromkeys(names)
    measures = {"measure": ["shape", "intensity", "neighbours"], "measure_channels": "chosen"}
    assert run["parameters"] == {
        **maps,
        **cut,
        **planes,
        **measures,
        "neighbour_radius": None,
        "overlay": True,
        "write": [],
        "mask_name": None,
        "image": None,
        "classes": "",
        "expand": None,
        "with_image": False,
        "in_place": False,
        "device": "cpu",
    }
    assert [entry["image"] for entry in run["images"]] == ["cell0.png", "cell1.png", "cell2.png"]
    for entry in run["images"]:
        assert entry["status"] == "ok"
        rows = table[table["image"] == entry["image"]]
        labels = read_labels(out / entry["labels"])
        assert entry["nuclei"] == len(rows) == labels.max() > 0
        assert rows["area"].tolist() == np.bincount(labels.ravel())[1:].tolist()
    assert f"{len(table)} nuclei in 3 images: {out}" in result.stdout


def test_command_and_python_give_identical_results(images, infer, model):
    infer(images)
    out = images.with_name("images-nuclei")
    segmenter = nucleisplit.Segmenter(model, device="cpu")
    table = pd.read_csv(out / "nuclei.csv")
    for path in sorted(images.iterdir()):
        result = segmenter(read_image(path))
        written = tifffile.imread(out / f"{path.stem}_labels.tif")
        assert written.dtype == np.uint8
        assert (written == result.labels).all()
        rows = table[table["image"] == path.name].drop(columns="image").reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, result.table, check_dtype=False, rtol=1e-5)


def test_one_file_and_options(images, infer, tmp_path):
    out = tmp_path / "chosen"
    result = infer(images / "cell1.png", "--out", out, "--tta", "flips", "--min-iou", 0.3)
    assert result.exit_code == 0, result.output
    parameters = record(out)["parameters"]
    assert (parameters["tta"], parameters["min_iou"]) == ("flips", 0.3)
    assert pd.read_csv(out / "nuclei.csv")["predicted_iou"].min() >= 0.3
    assert infer(images / "cell1.png", "--no-overlay").exit_code == 0
    assert not list(images.rglob("*_overlay.png"))
    assert (images / "cell1-nuclei" / "cell1_labels.tif").exists()


def test_cut_options_are_those_of_the_segmenter(images, infer, model):
    words = ("--min-area", 90, "--split-bias", -0.5, "--sensitivity", 0.75)
    result = infer(images, *words)
    assert result.exit_code == 0, result.output
    out = images.with_name("images-nuclei")
    cut = {"min_area": 90, "split_bias": -0.5, "sensitivity": 0.75}
    assert cut.items() <= record(out)["parameters"].items()
    segmenter = nucleisplit.Segmenter(model, device="cpu", **cut)
    for entry in record(out)["images"]:
        found = segmenter(read_image(images / entry["image"]))
        assert np.array_equal(read_labels(out / entry["labels"]), found.labels)
        assert entry["predicted_map"] == pytest.approx(found.predicted_map, abs=1e-4)


def test_images_that_likely_failed_are_named(images, infer):
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(images / "black.png")
    result = infer(images)
    assert result.exit_code == 0
    lines = [line for line in result.stderr.splitlines() if "black.png" in line]
    assert lines == [f"nucleisplit: {images / 'black.png'}: has likely failed (no nuclei)"]
    entries = {e["image"]: e for e in record(images.with_name("images-nuclei"))["images"]}
    assert (entries["black.png"]["doubtful"], entries["black.png"]["predicted_map"]) == (True, 0)
    doubtful = sum(entry["doubtful"] for entry in entries.values())
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"doubtful: {doubtful} of 4 images; look at them with nucleisplit ")
    assert all(word in last for word in ("--sensitivity 0.5", "--diameter", "nucleisplit train "))
    for entry in entries.values():
        assert entry["doubtful"] == (not entry["nuclei"] or entry["predicted_map"] < DOUBTFUL)


def test_size_is_measured_given_or_left_alone(images, infer, tmp_path):
    def entry(*options):
        assert infer(images / "cell0.png", "--out", tmp_path / "o", *options).exit_code == 0
        return record(tmp_path / "o")["images"][0]

    measured = entry()
    assert 8 < measured["diameter"] < 20
    seen = measured["diameter"] * measured["scale"]
    assert 22 < seen < 35 if measured["diameter"] < 14 else measured["scale"] == 1
    assert entry("--diameter", 56.5, "--overwrite")["scale"] == 0.5
    assert entry("--no-rescale", "--overwrite")["scale"] == 1
    result = infer(images, "--diameter", 9, "--no-rescale")
    assert result.exit_code == 2 and "of no use without rescaling" in result.stderr


def test_several_models_by_weight(images, infer, model, tmp_path):
    copy = tmp_path / "copy=2"
    shutil.copytree(model, copy)
    assert infer(images, "--model", f"{model}=0.5", "--model", copy).exit_code == 0
    run = record(images.with_name("images-nuclei"))
    assert run["model"] == {key: run["ensemble"][0][key] for key in ("name", "fingerprint")}
    names = [(entry["name"], entry["weight"]) for entry in run["ensemble"]]
    assert names == [(str(model), 0.5), (str(copy), 1.0), (str(model), 1.0)]
    result = infer(images, "--model", f"{model}=0", "--resume")
    assert result.exit_code == 2 and "give each model a number above 0" in result.stderr


def test_a_bare_tta_takes_all_views(images, infer):
    assert infer(images, "--tta").exit_code == 0
    assert record(images.with_name("images-nuclei"))["parameters"]["tta"] == "d4"


def write_good(path, image):
    """Files that are unusual, and fine."""
    suffix = path.stem
    if suffix == "bool":
        tifffile.imwrite(path, image > 90)
    elif suffix == "float64":
        tifffile.imwrite(path, image / 255.0)
    elif suffix == "bigendian":
        tifffile.imwrite(path, image.astype(">u2"), byteorder=">")
    elif suffix == "constant":
        tifffile.imwrite(path, np.full((30, 40), 7, np.uint8))
    elif suffix == "pixel":
        tifffile.imwrite(path, np.full((1, 1), 7, np.uint8))
    elif suffix == "rgba":
        tifffile.imwrite(path, np.dstack([image] * 3 + [image // 2]), photometric="rgb")


@pytest.mark.parametrize(
    ("name", "nuclei"),
    [
        ("bool", True),
        ("float64", True),
        ("bigendian", True),
        ("rgba", True),
        ("constant", False),
        ("pixel", False),
    ],
)
def test_unusual_images_are_fine(tmp_path, spots, infer, name, nuclei):
    path = tmp_path / f"{name}.tif"
    write_good(path, spots(0)[0])
    result = infer(path)
    assert result.exit_code == 0, result.output
    (entry,) = record(tmp_path / f"{name}-nuclei")["images"]
    assert (entry["nuclei"] > 0) == nuclei
    assert tifffile.imread(tmp_path / f"{name}-nuclei" / f"{name}_labels.tif").shape == (
        entry["height"],
        entry["width"],
    )


def write_bad(path, good):
    """Files of which no image can be made."""
    image = np.asarray(Image.open(good)).astype(np.float32)
    if path.stem == "empty":
        path.write_bytes(b"")
    elif path.stem == "text":
        path.write_text("no image at all")
    elif path.stem == "truncated":
        path.write_bytes(good.read_bytes()[:400])
    elif path.stem == "truncated_tiff":
        tifffile.imwrite(path, image)
        path.write_bytes(path.read_bytes()[: image.nbytes // 2])
    elif path.stem == "nan":
        image[3, 4] = np.nan
        tifffile.imwrite(path, image)
    elif path.stem == "inf":
        image[3, 4] = np.inf
        tifffile.imwrite(path, image)
    elif path.stem == "five_channels":
        tifffile.imwrite(path, np.dstack([image] * 5), planarconfig="contig", photometric="rgb")
    elif path.stem == "stack":
        tifffile.imwrite(path, np.stack([image] * 7), photometric="minisblack")
    elif path.stem == "complex":
        tifffile.imwrite(path, image.astype(np.complex64))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty.png", "is empty (0 bytes)"),
        ("text.png", "is not an image that can be read"),
        ("truncated.png", "is damaged or truncated"),
        ("truncated_tiff.tif", "truncated"),
        ("nan.tif", "holds 1 NaN or infinite values"),
        ("inf.tif", "holds 1 NaN or infinite values"),
        ("five_channels.tif", "has 5 channels"),
        ("stack.tif", "has 7 planes along an axis Q"),
        ("complex.tif", "has pixels of type complex64"),
    ],
)
def test_a_bad_image_is_reported_and_the_others_are_done(images, infer, name, message):
    write_bad(images / name, images / "cell0.png")
    result = infer(images)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"nucleisplit: {images / name}: ")
    assert message in lines[0]
    assert "; " in lines[0]
    assert lines[1] == "1 of 4 images failed; repair or replace them, then repeat with --resume"
    out = images.with_name("images-nuclei")
    entries = {entry["image"]: entry for entry in record(out)["images"]}
    assert entries[name]["status"] == "failed"
    assert message in entries[name]["message"]
    assert [entries[f"cell{n}.png"]["status"] for n in range(3)] == ["ok"] * 3
    assert set(pd.read_csv(out / "nuclei.csv")["image"]) == {f"cell{n}.png" for n in range(3)}
    assert not [file for file in contents(out) if file.startswith(name.split(".")[0])]


def test_a_failing_stage_is_one_failed_image(images, infer, monkeypatch):
    def broken(path, *arguments, **options):
        if "cell1" in str(path):
            raise RuntimeError("out of\nluck")
        return write(path, *arguments, **options)

    write = process.write_overlay
    monkeypatch.setattr(process, "write_overlay", broken)
    result = infer(images)
    assert result.exit_code == 1
    assert "cell1.png: failed with RuntimeError: out of luck; run nucleisplit" in result.stderr
    assert not (images.with_name("images-nuclei") / "cell1_labels.tif").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "nowhere.png: does not exist; "),
        (["empty_folder"], "empty_folder: holds no images; "),
        (["*.gif"], "*.gif: matches no images; "),
        (["images", "--model", "nosuch"], "nosuch: no such model; "),
        (["images", "--overwrite", "--resume"], "exclude each other; "),
        (["images", "--out", "images/cell0.png"], "cell0.png: is a file; "),
        (["images", "--out", "images/cell0.png/out"], "cell0.png/out: cannot be made"),
    ],
)
def test_bad_usage_is_one_line_and_leaves_nothing(
    images, model, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty_folder").mkdir()
    before = contents(tmp_path)
    options = ["--device", "cpu"] if "--model" in arguments else ["--model", str(model)]
    result = CliRunner().invoke(main, ["infer", *arguments, *options])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr
    assert contents(tmp_path) == before
    assert not (tmp_path / "images-nuclei").exists()


@pytest.mark.parametrize(
    "option",
    [
        ["--min-iou", "2"],
        ["--tta", "x"],
        ["--device", "tpu"],
        ["--diameter", "0"],
        ["--model", "default=much"],
        [],
    ],
)
def test_refused_options(images, option):
    arguments = [images, *option] if option else []
    result = CliRunner().invoke(main, ["infer", *map(str, arguments)])
    assert result.exit_code == 2
    assert "Usage: " in result.stderr


def test_a_damaged_model_is_refused(images, infer, model, tmp_path):
    copy = shutil.copytree(model, tmp_path / "copy")
    (copy / "network.safetensors").write_bytes(b"junk")
    result = infer(images, model=copy)
    assert result.exit_code == 2
    assert "network.safetensors: has changed since the model was written" in result.stderr
    assert not images.with_name("images-nuclei").exists()


def test_an_earlier_run_is_overwritten_only_on_request(images, infer):
    out = images.with_name("images-nuclei")
    infer(images)
    (out / "mine.txt").write_text("precious")
    before = contents(out)
    refused = infer(images)
    assert refused.exit_code == 2
    assert (
        "holds the results of an earlier run; add --resume to complete them, or --overwrite to"
        in refused.stderr
    )
    assert contents(out) == before

    (images / "cell2.png").unlink()
    assert infer(images, "--overwrite").exit_code == 0
    assert not (out / "cell2_labels.tif").exists()
    assert (out / "mine.txt").read_text() == "precious"
    assert set(pd.read_csv(out / "nuclei.csv")["image"]) == {"cell0.png", "cell1.png"}


def test_overwriting_keeps_the_earlier_run_when_nothing_can_be_done(images, infer, tmp_path):
    out = images.with_name("images-nuclei")
    infer(images)
    before = contents(out)
    assert infer(images, "--overwrite", model="nosuch").exit_code == 2
    assert contents(out) == before


@pytest.mark.parametrize("how", ["interrupt", "kill", "disk full"])
def test_a_run_that_stops_loses_nothing_and_is_resumed(images, infer, monkeypatch, how):
    whole = images.with_name("whole")
    infer(images, "--out", whole)
    done = []

    def stop(path, *arguments, **options):
        if len(done) == 1:
            if how == "interrupt":
                raise KeyboardInterrupt
            if how == "kill":
                path.with_name(".half.part").write_bytes(b"half")
                raise SystemExit(137)
            raise OutputError(f"{path}: cannot be written (No space left on device)", "free space")
        done.append(path)
        return write(path, *arguments, **options)

    write = process.write_overlay
    monkeypatch.setattr(process, "write_overlay", stop)
    out = images.with_name("images-nuclei")
    stopped = infer(images)
    assert stopped.exit_code == {"interrupt": 130, "kill": 137, "disk full": 2}[how]
    assert (out / "cell0_labels.tif").exists()
    if how != "kill":
        assert not (out / "cell1_labels.tif").exists()
        assert record(out)["status"] == "interrupted"
        assert len(stopped.stderr.splitlines()) == 1
    (out / ".half.part").unlink(missing_ok=True)

    monkeypatch.setattr(process, "write_overlay", write)
    before = (out / "cell0_labels.tif").stat().st_mtime_ns
    resumed = infer(images, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert "in 3 images (1 by an earlier run)" in resumed.stdout
    assert (out / "cell0_labels.tif").stat().st_mtime_ns == before
    assert results(out) == results(whole)
    assert record(out)["status"] == "finished"


def test_resuming_does_what_is_missing_failed_changed_or_new(images, infer, spots):
    out = images.with_name("images-nuclei")
    (images / "cell3.png").write_bytes(b"")
    assert infer(images).exit_code == 1
    Image.fromarray(spots(3)[0]).save(images / "cell3.png")
    Image.fromarray(spots(4)[0]).save(images / "cell4.png")
    Image.fromarray(spots(5)[0]).save(images / "cell2.png")
    os.utime(images / "cell2.png", (1, 1))
    (out / "cell1_labels.tif").unlink()
    result = infer(images, "--resume")
    assert result.exit_code == 0, result.output
    assert "in 5 images (1 by an earlier run)" in result.stdout
    fresh = images.with_name("fresh")
    infer(images, "--out", fresh)
    assert results(out) == results(fresh)


def test_resuming_nothing_and_a_finished_run(images, infer):
    assert infer(images, "--resume").exit_code == 0
    out = images.with_name("images-nuclei")
    before = results(out)
    result = infer(images, "--resume")
    assert "(3 by an earlier run)" in result.stdout
    assert results(out) == before


def test_resuming_a_part_keeps_the_rest_in_the_table(images, infer):
    infer(images)
    out = images.with_name("images-nuclei")
    assert infer(images / "cell1.png", "--out", out, "--resume").exit_code == 0
    assert pd.read_csv(out / "nuclei.csv")["image"].nunique() == 3


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--min-iou", "0.5"], "was begun with min_iou 0.0, not 0.5"),
        (["--min-area", "9"], "was begun with min_area 0, not 9"),
        (["--sensitivity", "1"], "was begun with sensitivity 0.0, not 1.0"),
        (["--tta", "flips"], "was begun with tta none, not flips"),
        (["--no-overlay"], "was begun with overlay True, not False"),
        (["--diameter", "20"], "was begun with diameter None, not 20.0"),
        (["--no-rescale"], "was begun with rescale True, not False"),
        (["--model", "default"], "was begun with model "),
    ],
)
def test_resuming_with_other_settings_is_refused(images, infer, option, message):
    infer(images)
    before = contents(images.with_name("images-nuclei"))
    result = infer(images, "--resume", *option)
    assert result.exit_code == 2
    assert message in result.stderr
    assert contents(images.with_name("images-nuclei")) == before


def test_images_of_one_name_are_kept_apart(images, infer, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(images / "cell1.png", other / "cell0.png")
    out = tmp_path / "out"
    assert infer(images, other, "--out", out).exit_code == 0
    table = pd.read_csv(out / "nuclei.csv")
    assert set(table["image"]) == {
        "cell0.png",
        "cell1.png",
        "cell2.png",
        (other / "cell0.png").as_posix(),
    }
    same = read_labels(out / "other_cell0_labels.tif") == read_labels(out / "cell1_labels.tif")
    assert same.all()


def test_results_beside_the_images(images, infer):
    assert infer(images, "--out", images).exit_code == 0
    again = infer(images, "--out", images, "--resume")
    assert "in 3 images (3 by an earlier run)" in again.stdout
    assert infer(images, "--out", images, "--overwrite").exit_code == 0
    assert len(record(images)["images"]) == 3


def test_more_formats_are_written_resumed_and_cleared(images, infer):
    result = infer(images, "--write", "geojson,roi", "--write", "ome-tiff")
    assert result.exit_code == 0, result.output
    out = images.with_name("images-nuclei")
    run = record(out)
    assert run["parameters"]["write"] == ["geojson", "ome-tiff", "roi"]
    for entry in run["images"]:
        stem = entry["labels"].removesuffix("_labels.tif")
        assert entry["written"] == {
            "geojson": f"{stem}.geojson",
            "ome-tiff": f"{stem}.ome.tif",
            "roi": f"{stem}.rois.zip",
        }
        labels = read_labels(out / entry["labels"])
        for name in entry["written"].values():
            assert np.array_equal(read_label_file(out / name), labels)
    features = json.loads((out / "cell0.geojson").read_text())["features"]
    table = pd.read_csv(out / "nuclei.csv").query("image == 'cell0.png'")
    assert [f["properties"]["measurements"]["predicted_iou"] for f in features] == pytest.approx(
        table["predicted_iou"].tolist(), rel=1e-4
    )

    (out / "cell1.geojson").unlink()
    assert infer(images, "--resume").exit_code == 2  # other settings
    again = infer(images, "--resume", "--write", "geojson,roi,ome-tiff")
    assert again.exit_code == 0 and "(2 by an earlier run)" in again.output
    assert (out / "cell1.geojson").exists()
    assert infer(images, "--overwrite").exit_code == 0
    assert not list(out.glob("*.geojson")) and not list(out.glob("*.zip"))


@pytest.mark.parametrize("tile", [(), ("--tile", 256)])
def test_a_folder_as_format_is_written_resumed_and_cleared(tmp_path, infer, spots, tile):
    image, out = tmp_path / "a.tif", tmp_path / "out"
    size = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(image, spots(0, (300, 320), 90)[0], **size)
    arguments = (image, "--out", out, "--write", "ome-zarr", *tile)
    assert infer(*arguments).exit_code == 0
    assert record(out)["images"][0]["written"] == {"ome-zarr": "a.ome.zarr"}
    before = read_labels(out / "a_labels.tif")
    assert np.array_equal(read_label_file(out / "a.ome.zarr"), before) and before.max() > 50
    with open_image(out / "a.ome.zarr") as source:
        assert source.pixel_size == pytest.approx((0.5, 0.5))
    assert "(1 by an earlier run)" in infer(*arguments, "--resume").output
    shutil.rmtree(out / "a.ome.zarr")
    assert "by an earlier run" not in infer(*arguments, "--resume").output
    assert np.array_equal(read_label_file(out / "a.ome.zarr"), before)
    assert infer(image, "--out", out, "--overwrite").exit_code == 0
    assert not (out / "a.ome.zarr").exists()
    (out / "a.ome.zarr" / "0").mkdir(parents=True)
    result = infer(*arguments, "--overwrite")
    assert result.exit_code == 2 and "a.ome.zarr: holds more than labels" in result.output


def test_every_format_of_an_image_in_tiles_holds_every_nucleus_once(tmp_path, infer, spots):
    image, out = tmp_path / "a.png", tmp_path / "out"
    # the label image; tests/pipelines has SpatialData; and one of its own
    names = {*FORMATS} - {"tiff", "spatialdata", "ome-zarr-0.4"}
    Image.fromarray(spots(7, (700, 900), 500)[0]).save(image)
    result = infer(image, "--out", out, "--tile", 256, "--write", ",".join(names))
    assert result.exit_code == 0, result.output
    (entry,) = record(out)["images"]
    labels = read_labels(out / entry["labels"])
    assert entry["tiles"] > 4 and labels.max() == entry["nuclei"] > 200
    assert set(entry["written"]) == names
    for name, file in entry["written"].items():
        found = read_label_file(out / file, labels.shape)
        if name == "submission":  # its rows have no numbers
            assert found.max() == entry["nuclei"]
            found = np.where(found > 0, labels, 0)
        np.testing.assert_array_equal(found, labels, name)

    table = pd.read_csv(out / "nuclei.csv")
    features = json.loads((out / "a.geojson").read_text())["features"]
    polygons = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    assert len(features) == entry["nuclei"]
    assert sum(polygon.area for polygon in polygons) == np.count_nonzero(labels)
    assert shapely.union_all(polygons).area == np.count_nonzero(labels)  # none lies on another
    measured = pd.DataFrame([feature["properties"]["measurements"] for feature in features])
    measured = measured.sort_values("label", ignore_index=True)
    pd.testing.assert_frame_equal(
        measured, table[list(measured)].astype(measured.dtypes), rtol=1e-5
    )
    outlines = geopandas.read_parquet(out / "a.geoparquet").sort_values("label", ignore_index=True)
    pd.testing.assert_frame_equal(
        pd.DataFrame(outlines.drop(columns="geometry")),
        table[list(outlines)[:-1]],
        check_dtype=False,
        rtol=1e-5,
    )
    assert len(pd.read_csv(out / "a.submission.csv")) == entry["nuclei"]


@pytest.mark.parametrize("tile", [(), ("--tile", 256)])
def test_a_mask_has_the_name_that_was_asked_for(tmp_path, infer, spots, tile):
    image, out = tmp_path / "a b.tif", tmp_path / "out"
    size = {"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(image, spots(0, (300, 320), 90)[0], **size)
    words = (image, "--out", out, "--mask-name", "{name}_mask.ome.tif", *tile)
    assert infer(*words).exit_code == 0
    assert record(out)["images"][0]["written"] == {"mask": "a b_mask.ome.tif"}
    with tifffile.TiffFile(out / "a b_mask.ome.tif") as tiff:
        (series,) = tiff.series
        assert (series.axes, series.shape, tiff.is_ome) == ("YX", (300, 320), True)
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        assert pixels["PhysicalSizeX"] == pytest.approx(0.5)
        np.testing.assert_array_equal(series.asarray(), read_labels(out / "a b_labels.tif"))
    assert "(1 by an earlier run)" in infer(*words, "--resume").output
    assert infer(image, "--out", out, "--resume", *tile).exit_code == 2  # other settings
    assert infer(image, "--out", out, "--overwrite", *tile).exit_code == 0
    assert not (out / "a b_mask.ome.tif").exists()
    (out / "a b_mask.ome.tif").write_text("mine")
    shutil.rmtree(out / ".nucleisplit-tiles", ignore_errors=True)
    assert infer(*words, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["all.ome.tif"], "all.ome.tif: is one name for 3 masks; put {name}"),
        (["{name}.png"], "'{name}.png' is no OME-TIFF; let it end in .ome.tif"),
        (["../{name}.ome.tif"], "is no name for a mask"),
        (["{stem}.ome.tif"], "'{stem}.ome.tif' is no name for a mask"),
        (["{name}.ome.tif", "--write", "ome-tiff"], "the mask is an OME-TIFF already"),
        (["{name}.ome.tif", "--z", "each"], "masks hold no stacks"),
    ],
)
def test_names_that_cannot_be_are_refused(images, infer, words, message):
    result = infer(images, "--mask-name", *words)
    assert result.exit_code == 2 and message in result.output
    assert not images.with_name("images-nuclei").exists()


def test_an_image_too_large_for_regions_is_refused_before_it_is_computed(tmp_path, infer):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 32_768), np.uint8))
    result = infer(tmp_path / "a.tif", "--write", "roi", "--tile", 256)
    assert result.exit_code == 1
    assert "a.tif: ImageJ regions cannot hold 4x32768 pixels; write GeoJSON" in result.output


def test_unknown_formats_and_files_in_the_way_are_refused(images, infer):
    result = infer(images, "--write", "xml")
    assert result.exit_code == 2 and "'xml' is none of ome-tiff, ome-zarr" in result.output
    out = images.with_name("images-nuclei")
    out.mkdir()
    (out / "cell2.geojson").write_text("mine")
    result = infer(images, "--write", "geojson")
    assert result.exit_code == 2 and "cell2.geojson: exists" in result.output
    assert (out / "cell2.geojson").read_text() == "mine"


def test_planes_are_chosen_recorded_and_checked_on_resume(images, infer, spots, tmp_path):
    path, out = tmp_path / "a.ome.tif", tmp_path / "out"
    stack = np.stack([spots(number)[0] for number in range(4)]).reshape(2, 2, 64, 64)
    metadata = {"axes": "CZYX", "Channel": {"Name": ["GFP", "DAPI"]}, "PhysicalSizeX": 0.5,
                "PhysicalSizeY": 0.5}  # fmt: skip
    tifffile.imwrite(path, stack, ome=True, metadata=metadata, photometric="minisblack")
    refused = infer(path, "--out", out)
    assert refused.exit_code == 1
    assert "has 2 slices and 2 channels (GFP, DAPI)" in refused.stderr
    options = (path, "--out", out, "--channel", "dapi", "--z", "1")
    assert infer(*options, "--overwrite").exit_code == 0
    Image.fromarray(stack[1, 1]).save(tmp_path / "b.png")
    assert infer(tmp_path / "b.png").exit_code == 0
    alone = read_labels(tmp_path / "b-nuclei" / "b_labels.tif")
    assert np.array_equal(read_labels(out / "a_labels.tif"), alone)
    run = record(out)
    assert (run["parameters"]["channel"], run["parameters"]["z"]) == ("dapi", 1)
    assert (run["images"][0]["level"], run["images"][0]["pixel_size_um"]) == (0, [0.5, 0.5])
    assert infer(*options, "--resume").exit_code == 0
    other = infer(*options[:-1], "max", "--resume")
    assert other.exit_code == 2
    assert "was begun with z 1, not max" in other.stderr


@pytest.mark.parametrize("option", ["--min-iou", "--split-bias", "--sensitivity"])
@pytest.mark.parametrize("value", ["nan", "1.5", "much"])
def test_impossible_cuts(images, infer, option, value):
    result = infer(images, option, value)
    assert result.exit_code == 2
    name = option.removeprefix("--").replace("-", "_")
    assert f"{name} is nan; give a number from" in result.stderr or option in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--z", "few"), "'few' is neither max, each, 3d nor the number of a slice"),
        (("--level", "1", "--mpp", "0.5"), "level and mpp exclude each other"),
        (("--axes", "ZZ"), "axes are 'ZZ'"),
    ],
)
def test_impossible_planes(images, infer, options, message):
    result = infer(images, *options)
    assert result.exit_code == 2
    assert message in result.stderr
