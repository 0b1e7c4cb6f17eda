"""What every command but infer does with input that cannot be used: one line, exit code 2."""

import shutil

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

from nucleisplit.cli.main import main


def make_dataset(folder, spots, count=4):
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        image, labels = spots(number)
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        Image.fromarray(labels.astype(np.uint16)).save(folder / "labels" / f"{number}.png")


@pytest.fixture
def place(tmp_path, spots, model, monkeypatch):
    """A folder with a good dataset, a good model and a good configuration."""
    make_dataset(tmp_path / "data", spots)
    shutil.copytree(model, tmp_path / "model")
    (tmp_path / "train.toml").write_text("[train]\nsteps = 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cut_prediction(place):
    shutil.copytree(place / "data" / "labels", place / "pred")
    Image.fromarray(np.zeros((9, 9), np.uint16)).save(place / "pred" / "1.png")


def cut_label(place):
    Image.fromarray(np.zeros((9, 9), np.uint16)).save(place / "data" / "labels" / "1.png")


def rename_labels(place):
    for path in (place / "data" / "labels").iterdir():
        path.rename(path.with_stem(f"other{path.stem}"))


TRAIN = ["train-unet", "data", "--out", "run", "--config", "train.toml", "--device", "cpu"]


@pytest.mark.parametrize(
    ("damage", "arguments", "message"),
    [
        (
            lambda p: (p / "train.toml").write_text("[train]\nsped = 1\n"),
            TRAIN,
            "train.toml: unknown key 'sped' in [train]; did you mean 'seed'? ",
        ),
        (lambda p: (p / "train.toml").unlink(), TRAIN, "train.toml: cannot be read"),
        (rename_labels, TRAIN, "data: holds no pairs"),
        (lambda p: shutil.rmtree(p / "data" / "labels"), TRAIN, "data: is not a dataset"),
        (
            lambda p: (p / "data" / "images" / "2.png").write_bytes(b""),
            TRAIN,
            "data/images/2.png: is empty (0 bytes)",
        ),
        (cut_label, TRAIN, "data/labels/1.png: is 9x9 pixels, its image 1.png 64x64"),
        (
            lambda p: (p / "model" / "network.safetensors").unlink(),
            [*TRAIN, "--init", "model"],
            "model/network.safetensors: is missing",
        ),
        (lambda p: None, [*TRAIN, "--table", "nowhere.csv"], "nowhere.csv: does not exist"),
        (lambda p: None, ["train-trees", "data", "--out", "new"], "data: is not a training run"),
        (lambda p: None, ["train-trees", "data", "--out", "model"], "model: "),
        (
            cut_prediction,
            ["evaluate", "pred", "data"],
            "pred/1.png: does not fit data/labels/1.png",
        ),
        (lambda p: None, ["evaluate", "nowhere", "data"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(place, damage, arguments, message):
    damage(place)
    before = sorted(place.rglob("*"))
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("command", ["train-unet", "quantize"])
def test_hints_name_only_options_that_the_command_has(place, command, monkeypatch):
    for module in ("cli.guard", "training.quantization"):
        monkeypatch.setattr(f"nucleisplit.{module}.missing_libraries", lambda *names: [])
    (place / "data" / "images" / "1.png").unlink()
    tifffile.imwrite(place / "data" / "images" / "1.tif", np.zeros((5, 64, 64), np.uint8))
    words = ["data", "--out", "run"] if command == "train-unet" else ["model", "data"]
    result = CliRunner().invoke(main, [command, *words])
    assert result.exit_code == 2 and "1.tif" in result.output
    assert f"save what is to be read as a file of its own, {command} has no --" in result.output
    told = CliRunner().invoke(main, ["infer", "data/images/1.tif", "--out", "out"]).output
    assert "as a file of its own" not in told and "--" in told
