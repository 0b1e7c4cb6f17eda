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


@pytest.fixture
def told(folders):
    """Truth with classes of a; those of the predictions of a and b are in the table of a run."""
    pred, truth = folders
    (truth / "classes.csv").write_text("image,label,class\na,1,x\na,2,y\na,3,x\n")
    names = {"images": [{"image": f"{n}.png", "labels": f"{n}_labels.tif"} for n in "ab"]}
    (pred / "run.json").write_text(json.dumps(names))
    rows = ["image,label,class", "a.png,1,x", "a.png,2,x", "a.png,3,z", "b.png,1,x", "b.png,3,x"]
    (pred / "nuclei.csv").write_text("\n".join(rows) + "\n")
    return pred, truth


def test_classes_are_scored_where_the_truth_tells_them(told, tmp_path):
    result = run(*told, "--json", tmp_path / "scores.json")
    assert result.exit_code == 0, result.output
    assert "classes that only the predictions have: z; the truth has x, y" in result.output
    assert "the truth of 1 of 2 images tells no classes: b; scores by class leave" in result.output
    scores = json.loads((tmp_path / "scores.json").read_text())["classes"]
    assert scores["classes"] == ["x", "y", "z"] and scores["images"] == 1
    assert scores["confusion"] == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert scores["precision"] == [0.5, 0, 0] and scores["recall"] == [0.5, 0, 0]
    assert scores["f_type"][0] == pytest.approx(2 / 6) and scores["f_detection"] == 1
    assert scores["mpq"] == scores["mpq_plus"] == 0.25 and scores["macro_f1"] == 0.25
    lines = result.output.splitlines()
    table = [
        line.split()
        for line in lines[lines.index("class  true  found    P50    R50     F1    F_c     PQ") :]
    ]
    assert table[1] == ["x", "2", "2", "0.500", "0.500", "0.500", "0.333", "0.500"]
    assert "F_d 1.000, accuracy 0.333, macro F1 0.250, mPQ 0.250, mPQ+ 0.250" in lines
    assert ["x", "1", "0", "1", "0"] in table and ["spurious", "0", "0", "0"] in table


def test_missed_and_spurious_nuclei_are_counted_by_class(told):
    pred, truth = told
    with (truth / "classes.csv").open("a") as file:
        file.write("b,1,x\nb,2,y\nb,3,y\n")
    result = run(*told)
    lines = [line.split() for line in result.output.splitlines()]
    # b: 1 and 2 are missed, for an outline round both is spurious; y is taken for x
    assert ["x", "1", "0", "1", "1"] in lines and ["y", "2", "0", "0", "1"] in lines
    assert ["spurious", "1", "0", "0"] in lines


@pytest.mark.parametrize("which", ["pred", "truth"])
def test_without_classes_nothing_is_said_of_them(told, which):
    pred, truth = told
    (pred / "nuclei.csv" if which == "pred" else truth / "classes.csv").unlink()
    result = run(*told, "--json")
    assert result.exit_code == 0 and "classes" not in json.loads(result.stdout)
    assert "classes" not in result.stderr


def test_outlines_have_their_own_classes(tmp_path):
    """GeoJSON of QuPath against JSON of HoVer-Net, of any names."""
    import pandas as pd

    from nucleisplit.labels import write_as

    table = pd.DataFrame({"label": [1, 2, 3], "class": ["x", "y", "y"]})
    write_as("geojson", tmp_path / "a.geojson", TRUTH, table)
    write_as("hovernet", tmp_path / "b.hovernet.json", TRUTH, table)
    write_as("coco", tmp_path / "c.coco.json", TRUTH, table)
    for name in ("b.hovernet.json", "c.coco.json"):
        result = run(tmp_path / name, tmp_path / "a.geojson")
        assert "macro F1 1.000, mPQ 1.000, mPQ+ 1.000" in result.output


def test_labels_that_do_not_exist_are_named(told):
    pred, truth = told
    with (truth / "classes.csv").open("a") as file:
        file.write("a,9,x\n")
    result = run(*told)
    assert result.exit_code == 2
    assert "classes.csv: no nucleus of a has the label 9" in result.output
