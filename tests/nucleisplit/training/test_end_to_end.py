"""From labelled images to a model, to nuclei, to a score: the commands as a user types them."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.training import TrainingRun


def test_train_unet_leaves_networks_maps_and_curves(trained_run):
    folder, _, output = trained_run
    assert "12 images in 2 folds" in output and "train-trees" in output
    for name in ("fold-0", "fold-1", "final"):
        assert (folder / name / "network.safetensors").stat().st_size > 10_000
        logs = list(folder.glob(f"{name}/log/*/metrics.csv"))
        assert len(logs) == 1 and "train_loss" in logs[0].read_text()
        assert list(folder.glob(f"{name}/tensorboard/*/events*"))
    maps = sorted((folder / "maps").glob("*.npy"))
    assert len(maps) == 12
    assert np.load(maps[0]).shape == (3, 96, 96) and np.load(maps[0]).dtype == np.uint8
    assert (folder / "curves.png").stat().st_size > 5_000
    assert not list(folder.rglob("*.ckpt"))


def test_maps_are_out_of_fold(trained_run):
    from nucleisplit.datasets import load_dataset
    from stage1_unet import Predictor, load_network, preprocess

    training = TrainingRun.open(trained_run[0])
    record = load_dataset(training.data).records[0]
    image = preprocess(record.read()[0])
    own, other = (
        Predictor(load_network(training.fold_folder(fold) / "network.safetensors"), device="cpu")
        for fold in (record.fold, 1 - record.fold)
    )
    kept = training.read_maps(record) / np.float32(255)
    assert np.array_equal(own.predict(image).maps, kept)
    assert not np.array_equal(other.predict(image).maps, kept)


def test_train_unet_again_does_nothing(run, trained_run):
    folder, words, _ = trained_run
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    output = run(*words)
    assert "step" not in output
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")} == before


def test_missing_maps_are_made_again(run, trained_run):
    folder, words, _ = trained_run
    path = sorted((folder / "maps").glob("*.npy"))[3]
    before = path.read_bytes()
    path.unlink()
    assert "out-of-fold maps of 1 images" in run(*words)
    assert path.read_bytes() == before


def test_train_trees_prints_the_table_and_keeps_it(trained_model):
    model, output = trained_model
    lines = [line.split() for line in output.splitlines()]
    head = next(line for line in lines if line[:1] == ["mAP,"])
    assert head[-4:] == ["threshold", "recut", "trees", "oracle"]
    overall = [float(value) for value in next(line for line in lines if line[:1] == ["all"])[-4:]]
    scores = json.loads((model / "manifest.json").read_text())["scores"]
    kept = [scores["methods"][name]["overall"]["map"] for name in head[-4:]]
    assert kept == pytest.approx(overall, abs=5e-5)
    assert set(scores["methods"]["trees"]["kinds"]) == {"a", "b"}
    threshold, recut, trees, oracle = kept
    assert min(threshold, recut, trees) > 0.6
    assert 1 >= oracle >= trees and oracle > 0.8
    assert scores["reliability"]["mean_absolute_error"] < 0.15
    assert -1 <= scores["image_quality"]["spearman"] <= 1
    what_if = scores["headroom"]["what_if"]
    assert list(what_if.values()) == sorted(what_if.values())
    assert what_if["selected"] == pytest.approx(trees, abs=0.01)
    assert sum(row["nuclei"] for row in scores["headroom"]["by_area"]) > 100
    assert all(row["selected"] <= row["oracle"] + 0.05 for row in scores["headroom"]["by_area"])
    assert "mAP, what if: selected" in output and "Spearman" in output
    (line,) = [line for line in output.splitlines() if line.startswith("bundled model 0.")]
    assert f" -> yours {trees:.3f}: mAP of the same 12 images, yours out of fold" in line
    assert f"next: nucleisplit infer IMAGES --model {model}" in output
    assert "seed = " not in output  # how the watershed was tuned


def test_out_of_fold_labels_score_as_the_table_says(run, trained_model, data, tmp_path):
    model, _ = trained_model
    labels = model.with_name("labels")
    run("evaluate", labels, data, "--json", tmp_path / "scores.json")
    again = json.loads((tmp_path / "scores.json").read_text())["overall"]["map"]
    scores = json.loads((model / "manifest.json").read_text())["scores"]
    assert again == pytest.approx(scores["methods"]["trees"]["overall"]["map"], abs=1e-9)


def test_model_finds_the_nuclei(run, trained_model, data, tmp_path):
    model = trained_model[0]
    out = tmp_path / "nuclei"
    run("infer", data / "images", "--model", model, "--out", out, "--device", "cpu")
    run("evaluate", out, data / "labels", "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["overall"]["map"] > 0.6
    assert scores["overall"]["f1"] > 0.85


def test_parts_of_a_run_are_trained_alone(run, trained_run, data, settings, tmp_path):
    short = tmp_path / "short.toml"
    short.write_text(Path(settings).read_text().replace("steps = 160", "steps = 1"))
    words = ("train-unet", data, "--out", tmp_path / "run", "--config", short, "--device", "cpu")
    for only, expected in (("1", ["fold-1"]), ("final", ["final", "fold-1"])):
        assert "without --only" in run(*words, "--only", only)
        found = (tmp_path / "run").glob("*/network.safetensors")
        assert sorted(path.parent.name for path in found) == expected
    assert len(list((tmp_path / "run" / "maps").iterdir())) == 6
    output = run(*words)
    assert output.count("step 1/1") == 1 and "train-trees" in output
    for word, message in (("7", "there is no fold 7; folds are 0, 1"), ("all", "nor final")):
        result = CliRunner().invoke(main, [*map(str, words), "--only", word])
        assert result.exit_code == 2 and message in result.output


def test_fine_tuning_starts_from_a_model(run, trained_model, data, settings, tmp_path):
    gentle = tmp_path / "gentle.toml"
    text = Path(settings).read_text().replace("lr = 1e-2", "lr = 1e-6")
    gentle.write_text(text.replace("steps = 160", "steps = 1").replace("ema = 0.9", "ema = 0.0"))
    words = ("train-unet", data, "--out", tmp_path / "tuned", "--config", gentle, "--folds", "2")
    output = run(*words, "--init", trained_model[0], "--device", "cpu")
    assert output.count(" before, ") == 2  # none of the final network, which holds nothing out
    output = run("train-trees", tmp_path / "tuned", "--out", tmp_path / "model")
    overall = next(line for line in output.splitlines() if line.startswith("all"))
    assert float(overall.split()[-2]) > 0.6


def test_training_goes_on_from_a_run_with_pseudo_labels(
    run, trained_run, trained_model, data, settings, tmp_path
):
    short = tmp_path / "short.toml"
    text = Path(settings).read_text().replace("steps = 160", "steps = 1")
    short.write_text(text + "[pseudo]\nmin_map = 0.1\nmin_iou = 0.3\n")
    words = (
        *("train-unet", data, "--out", tmp_path / "on", "--config", short, "--device", "cpu"),
        *("--init", trained_run[0], "--pseudo", data / "images"),
        *("--pseudo-model", trained_model[0]),
    )
    output = run(*words)
    assert "nuclei in 12 of 12 images" in output
    assert "warning" not in output
    found = json.loads((tmp_path / "on" / "run.json").read_text())
    assert found["initial"] and found["pseudo"].endswith(
        json.loads((trained_model[0] / "manifest.json").read_text())["fingerprint"]
    )
    assert "step" not in run(*words)
