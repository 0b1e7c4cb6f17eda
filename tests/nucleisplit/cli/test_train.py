"""The command that does both stages: what it asks of each; they have tests of their own."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import nucleisplit.training
from nucleisplit.cli.main import main


@pytest.fixture
def asked(monkeypatch):
    """What the stages, which do nothing, are asked for."""
    asked = {}

    def train_unet(data, run, settings, *, say, progress, **options):
        progress(1, 2)
        asked["unet"] = {"data": data, "run": run, "steps": settings.train.steps, **options}

    def train_trees(run, out, settings, *, say, **options):
        asked["trees"] = {"run": run, "out": out, **options}
        manifest = SimpleNamespace(scores={"methods": {}})
        return SimpleNamespace(path=out, fingerprint="ab" * 32, manifest=manifest)

    start = SimpleNamespace(find=lambda name: f"start of {name}")
    stages = {"train_unet": train_unet, "train_trees": train_trees, "Start": start}
    for name, stage in stages.items():
        monkeypatch.setitem(vars(nucleisplit.training), name, stage)
    return asked


@pytest.fixture
def data(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.png").touch()
    return tmp_path / "data"


def run(*words):
    return CliRunner().invoke(main, ["train", *map(str, words)])


def test_one_run_goes_through_both_stages(asked, data, tmp_path):
    result = run(data)
    assert result.exit_code == 0, result.output
    folder, model = tmp_path / "data-run", tmp_path / "data-model"
    assert asked["unet"] == {
        "data": (data,),
        "run": folder,
        "steps": 1800,
        "folds": 4,
        "device": "auto",
        "start": "start of default",
    }
    assert asked["trees"] == {"run": folder, "out": model, "overwrite": False}
    lines = [f"{model}: model abababababab", f"next: nucleisplit infer IMAGES --model {model}"]
    assert result.stdout.splitlines() == lines


def test_options_reach_their_stage(asked, data, tmp_path):
    (tmp_path / "a.toml").write_text("[train]\nsteps = 7\n")
    words = ("--init", "none", "--folds", 2, "--device", "cpu", "--out", tmp_path / "mine")
    assert run(data, *words, "--config", tmp_path / "a.toml", "--overwrite").exit_code == 0
    unet = asked["unet"]
    assert (unet["start"], unet["folds"], unet["device"], unet["steps"]) == (None, 2, "cpu", 7)
    assert asked["trees"]["out"] == tmp_path / "mine" and asked["trees"]["overwrite"]


def test_a_model_that_is_there_is_not_replaced(asked, data):
    model = data.with_name("data-model")
    model.mkdir()
    (model / "manifest.json").write_text("{}")
    result = run(data)
    assert result.exit_code == 2 and not asked
    assert result.stderr == (
        f"nucleisplit: {model}: exists; choose another folder or add --overwrite\n"
    )
