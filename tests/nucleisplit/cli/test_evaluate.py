import json

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from nucleisplit.cli.main import main

TRUTH = np.zeros((12, 20), np.uint16)
TRUTH[1:6, 1:6] = 1
TRUTH[1:6, 6:11] = 2
TRUTH[7:11, 3:18] = 3
MERGED = np.where(TRUTH == 2, 1, TRUTH)


def run(*arguments):
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


@pytest.fixture
def folders(tmp_path):
    truth, pred = tmp_path / "truth", tmp_path / "pred"
    truth.mkdir()
    pred.mkdir()
    for name, labels in [("a", TRUTH), ("b", MERGED)]:
        Image.fromarray(TRUTH).save(truth / f"{name}.png")
        tifffile.imwrite(pred / f"{name}_labels.tif", labels)
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(pred / f"{name}_overlay.png")
    return pred, truth


def cells(output, first):
    line = next(line for line in output.splitlines() if line.startswith(first))
    return line.removeprefix(first).split()


def test_two_folders(folders, tmp_path):
    (tmp_path / "t.csv").write_text("image_id,kind\na,good\nb,poor\nunused,poor\n")
    scores = tmp_path / "scores.json"
    result = run(*folders, "--groups", tmp_path / "t.csv", "kind", "--json", scores)
    assert result.exit_code == 0, result.output
    # In b one of three is right, two are missed, one is false: 1 / 4.
    assert cells(result.output, "all")[:6] == ["2", "6", "5", "0.625", "0.625", "0.625"]
    assert cells(result.output, "good")[3] == "1.000" and cells(result.output, "poor")[3] == "0.250"
    assert cells(result.output, "AP, pooled over nuclei") == ["0.571"] * 10
    content = json.loads(scores.read_text())
    assert content["overall"]["map"] == 0.625 and content["groups"]["poor"]["map"] == 0.25
    assert content["overall"]["ap_pooled"]["0.95"] == pytest.approx(4 / 7)
    assert [(i["image_id"], i["group"], i["map"]) for i in content["images"]] == [
        ("a", "good", 1.0),
        ("b", "poor", 0.25),
    ]


def test_two_files_of_any_names(folders):
    pred, truth = folders
    result = run(pred / "b_labels.tif", truth / "a.png")
    assert result.exit_code == 0, result.output
    assert cells(result.output, "all")[3] == "0.250"


def test_datasets_of_both_layouts_as_truth(folders, tmp_path):
    pred, truth = folders
    paired, native = tmp_path / "paired", tmp_path / "native"
    paired.mkdir()
    truth.rename(paired / "labels")
    assert cells(run(pred, paired).output, "all")[3] == "0.625"
    for name in "ab":
        (native / name / "masks").mkdir(parents=True)
        (native / name / "images").mkdir()
        Image.fromarray(np.zeros(TRUTH.shape, np.uint8)).save(native / name / "images" / "x.png")
        for label in (1, 2, 3):
            mask = Image.fromarray(((TRUTH == label) * 255).astype(np.uint8))
            mask.save(native / name / "masks" / f"{label}.png")
    assert cells(run(pred, native).output, "all")[3] == "0.625"


def test_missing_predictions_count_as_missed_unless_allowed(folders):
    pred, truth = folders
    (pred / "b_labels.tif").unlink()
    result = run(pred, truth)
    assert result.exit_code == 0 and cells(result.output, "all")[:4] == ["2", "6", "3", "0.500"]
    assert "no prediction for 1, all their nuclei count as missed: b" in result.output
    result = run(pred, truth, "--allow-missing")
    assert cells(result.output, "all")[:4] == ["1", "3", "3", "1.000"]
    assert "left out: b" in result.output


def test_predictions_without_truth_are_left_out(folders):
    pred, truth = folders
    (truth / "b.png").unlink()
    result = run(pred, truth)
    assert cells(result.output, "all")[:4] == ["1", "3", "3", "1.000"]
    assert "1 predictions have no truth" in result.output


@pytest.mark.parametrize("words", [["--json"], ["--json", "-"], ["--json=-"]])
def test_json_without_a_file_is_printed(folders, tmp_path, words):
    assert run(*folders, "--json", tmp_path / "s.json").stdout.startswith("     images")
    (folders[0] / "b_labels.tif").rename(folders[0] / "c_labels.tif")
    file = run(*folders, "--json", tmp_path / "t.json")
    printed = run(*folders, *words)
    assert printed.exit_code == 0
    assert json.loads(printed.stdout) == json.loads((tmp_path / "t.json").read_text())
    assert printed.stderr == file.stderr
    assert "no prediction for 1" in printed.stderr
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["s.json", "t.json"]


def test_verbose_and_quiet(folders):
    lines = run(*folders, "-v").stderr.splitlines()
    assert lines == [
        f"{folders[1] / 'a.png'}: 3 nuclei of 3, mAP 1.000",
        f"{folders[1] / 'b.png'}: 2 nuclei of 3, mAP 0.250",
    ]
    assert run(*folders, "-q").output == ""


def test_json_is_not_overwritten_unasked(folders, tmp_path):
    scores = tmp_path / "scores.json"
    scores.write_text("old")
    result = run(*folders, "--json", scores)
    assert result.exit_code == 2 and "--overwrite" in result.output
    assert scores.read_text() == "old"
    assert run(*folders, "--json", scores, "--overwrite").exit_code == 0
    assert json.loads(scores.read_text())["overall"]["images"] == 2


def spoil_shape(pred, truth, tmp_path):
    tifffile.imwrite(pred / "a_labels.tif", TRUTH[1:])
    return [pred, truth]


def spoil_file(pred, truth, tmp_path):
    (pred / "a_labels.tif").write_bytes((pred / "a_labels.tif").read_bytes()[:100])
    return [pred, truth]


def spoil_names(pred, truth, tmp_path):
    for name in "ab":
        (truth / f"{name}.png").rename(truth / f"{name}{name}.png")
    return [pred, truth]


def spoil_colour(pred, truth, tmp_path):
    Image.fromarray(np.zeros((12, 20, 3), np.uint8)).save(truth / "a.png")
    return [pred, truth]


def spoil_rows(pred, truth, tmp_path):
    (tmp_path / "t.csv").write_text("image_id,kind\na,x\n")
    return [pred, truth, "--groups", tmp_path / "t.csv", "kind"]


def spoil_column(pred, truth, tmp_path):
    return [*spoil_rows(pred, truth, tmp_path)[:-1], "size"]


def no_folder(pred, truth, tmp_path):
    return [pred, tmp_path / "nowhere"]


def empty_folder(pred, truth, tmp_path):
    (tmp_path / "empty").mkdir()
    return [tmp_path / "empty", truth]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_shape, "a_labels.tif: does not fit"),
        (spoil_file, "a_labels.tif: is damaged or truncated"),
        (spoil_names, "pred: no label image has a name that occurs in"),
        (spoil_colour, "a.png: is a colour image"),
        (spoil_rows, "t.csv: has no row for b; add it"),
        (spoil_column, "t.csv: has no column 'size'; it has image_id, kind"),
        (no_folder, "nowhere: does not exist"),
        (empty_folder, "empty: holds no label images"),
    ],
)
def test_bad_input_is_one_line_and_a_failure(folders, tmp_path, spoil, message):
    result = run(*spoil(*folders, tmp_path))
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1
