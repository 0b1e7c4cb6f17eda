import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.model import load_bundle
from tests.strategies.models import sign_manifest


def run(*words):
    return CliRunner().invoke(main, ["models", *map(str, words)])


@pytest.fixture
def trained_models(tmp_path, model, monkeypatch):
    """A folder with two models, and one hidden."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", ".b.replaced-7"):
        shutil.copytree(model, tmp_path / "trained" / name)
    return tmp_path / "trained"


def test_the_bundled_model_is_listed():
    bundle = load_bundle()
    scores = bundle.manifest.scores
    score = scores["methods"]["trees"]["overall"]["map"]
    overall = scores["out_of_kind"]["methods"]["trees"]["overall"]  # of all images
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    head, row = result.stdout.splitlines()
    assert head.split() == "fingerprint MB networks precision images nuclei mAP".split()
    words = row.split()
    assert words[:2] == ["default", bundle.fingerprint[:12]]
    numbers = [str(overall["images"]), str(overall["true_count"]), f"{score:.3f}"]
    assert words[-3:] == numbers

    (entry,) = json.loads(run("--json").stdout)["models"]
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [key for key in (*entry, *entry["training"]) if f"`{key}`" not in page] == []
    assert (entry["name"], entry["error"]) == ("default", None)
    assert entry["fingerprint"] == bundle.fingerprint
    assert entry["bytes"] == sum(
        (bundle.path / name).stat().st_size for name in bundle.manifest.files
    )
    assert entry["networks"] == len(bundle.manifest.networks)
    assert ("int8" in entry["precisions"]) == bool(bundle.quantized)
    assert entry["training"]["fingerprint"] == bundle.manifest.data
    assert sum(entry["training"]["kinds"].values()) == entry["training"]["images"]
    assert entry["map"] == score


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["trained"], ["trained/a", "trained/b"]),
        (["trained/b"], ["trained/b"]),
        (["trained/b", "trained/a"], ["trained/b", "trained/a"]),
    ],
)
def test_folders_are_models_or_hold_some(trained_models, words, names):
    result = run(*words, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    entries = json.loads(result.stdout)["models"][1:]
    assert [entry["name"] for entry in entries] == names
    for entry in entries:
        assert entry["path"] == str(trained_models.parent / entry["name"])
        assert (entry["architecture"], entry["networks"]) == ("compact", 1)
        assert (entry["precisions"], entry["map"]) == (["float32"], None)
    row = run(*words).stdout.splitlines()[2].split()
    assert row[0] == names[0] and row[-3:] == ["?", "?", "?"]


def break_weights(folder):
    (folder / "network.safetensors").write_bytes(b"junk")


def break_trees(folder):
    for path in (folder / "trees").glob("*.txt"):
        path.write_text("tree\n")
    sign_manifest(folder)


def break_scores(folder):
    trees = {"overall": {"images": "many"}}
    sign_manifest(folder, lambda values: values.update(scores={"methods": {"trees": trees}}))


def break_manifest(folder):
    (folder / "manifest.json").write_text('{"format": 1}')


@pytest.mark.parametrize(
    ("word", "damage", "error"),
    [
        ("trained", break_weights, "trained/a/network.safetensors: has changed since the model"),
        ("trained", break_trees, "trained/a/trees: cannot be loaded: "),
        ("trained/a", break_scores, "trained/a: its scores are damaged; copy the model folder"),
        ("trained/a", break_manifest, "trained/a/manifest.json: nucleisplit: Field required"),
        ("trained/a", shutil.rmtree, "trained/a: is no folder; check the path"),
        (
            "trained/a",
            lambda folder: (folder / "manifest.json").unlink(),
            "trained/a: holds no model; give a folder written by",
        ),
    ],
)
def test_a_damaged_model_is_a_line_and_the_others_are_listed(trained_models, word, damage, error):
    damage(trained_models / "a")
    result = run(word, "trained/b")
    assert result.exit_code == 1
    assert error in result.stderr and len(result.stderr.splitlines()) == 1
    names = [row.split()[0] for row in result.stdout.splitlines()[1:]]
    assert names[0] == "default" and names[-1] == "trained/b" and "trained/a" not in names
    answer = run(word, "trained/b", "--json")
    assert (answer.exit_code, answer.stderr) == (1, result.stderr)
    entries = {entry["name"]: entry for entry in json.loads(answer.stdout)["models"]}
    assert error in entries["trained/a"]["error"]
    assert entries["trained/b"]["error"] is None
    assert "fingerprint" not in entries["trained/a"]


def test_verbose_tells_more_of_each(trained_models):
    (line,) = [row for row in run("trained/a", "-v").stderr.splitlines() if "trained/a" in row]
    assert "maps body, border, separation, test-time augmentation none" in line
    assert "trained on data 000000000000" in line
