"""Trees that learn from corrected images."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from skimage.io import imread, imsave

from nucleisplit import Segmenter, load_bundle
from nucleisplit.cli.main import main
from nucleisplit.training.corrections import MAPS


def keep_large(labels):
    """The nuclei of at least 130 pixels: the others, this user says, are debris."""
    return np.where(np.bincount(labels.ravel())[labels] >= 130, labels, 0)


@pytest.fixture(scope="module")
def corrected(data, tmp_path_factory):
    """Six of the images, with the small nuclei deleted from their labels."""
    folder = tmp_path_factory.mktemp("corrections") / "corrected"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for path in sorted((data / "images").iterdir())[:6]:
        shutil.copy(path, folder / "images")
        labels = keep_large(imread(data / "labels" / path.name))
        imsave(folder / "labels" / path.name, labels, check_contrast=False)
    return folder


@pytest.fixture(scope="module")
def settings_of_few(tmp_path_factory):
    path = tmp_path_factory.mktemp("settings") / "few.toml"
    path.write_text("[adapt]\nsteps = [0, 10, 40]\nmin_rows = 10\nprior_images = 2\n")
    return path


@pytest.fixture(scope="module")
def adapted(run, corrected, trained_model, settings_of_few):
    """The command, what it printed, the model it wrote."""
    model = corrected.with_name("mine")
    words = ("train-trees", "--add", corrected, "--model", trained_model[0], "--out", model,
             "--config", settings_of_few, "--device", "cpu")  # fmt: skip
    return words, run(*words), model


def test_it_tells_what_it_learnt(adapted):
    _, output, model = adapted
    assert "maps of 6 computed, of 0 kept" in output
    scores = json.loads((model / "manifest.json").read_text())["scores"]["added"]
    assert scores["images"] == 6 and scores["nuclei"] > 40
    for score in ("map", "iou_error"):
        told = [f"{scores[when][score]:.3f} {when}" for when in ("before", "after")]
        assert ", ".join(told) in output
    assert scores["selects"] and "more trees in each booster" in output
    assert scores["after"]["map"] > scores["before"]["map"] + 0.05


def test_the_new_model_leaves_out_what_was_deleted(adapted, trained_model, data):
    small = {}
    for name, model in (("before", trained_model[0]), ("after", adapted[2])):
        segmenter = Segmenter(model, device="cpu")
        paths = sorted((data / "images").iterdir())[6:]  # that it has not learnt from
        areas = np.concatenate([segmenter(imread(path)).table["area"] for path in paths])
        small[name] = np.count_nonzero(areas < 110)
    assert small["after"] < 0.5 * small["before"]


def test_the_networks_are_those_of_the_base(adapted, trained_model):
    base, mine = load_bundle(trained_model[0]), load_bundle(adapted[2])
    assert mine.manifest.base == base.fingerprint and base.manifest.base == ""
    assert mine.fingerprint != base.fingerprint
    name = "network.safetensors"
    assert mine.manifest.files[name] == base.manifest.files[name]
    assert set(base.manifest.scores) < set(mine.manifest.scores)


def test_maps_are_kept_for_the_next_time(adapted, run, corrected):
    words, _, model = adapted
    before = json.loads((model / "manifest.json").read_text())["fingerprint"]
    kept = sorted((corrected / MAPS).iterdir())
    assert len(kept) == 6
    kept[0].write_bytes(b"damaged")
    output = run(*words, "--overwrite")
    assert "maps of 1 computed, of 5 kept" in output
    assert json.loads((model / "manifest.json").read_text())["fingerprint"] == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give RUN, --add CORRECTED or --classes"),
        (("{data}", "--add", "{data}"), "give RUN, --add CORRECTED or --classes"),
        (("--add", "{data}", "--labels", "x"), "--labels goes with RUN"),
        (("--add", "{data}", "--model", "nothing"), "nothing: no such model"),
        (("--add", "{model}"), "images"),
        (("--add", "{data}", "--model", "{model}", "--out", "{model}"), "add --overwrite"),
        (("--add", "{data}", "--model", "{model}", "--out", "{model}", "--overwrite"), "itself"),
    ],
)
def test_what_cannot_be_done(words, message, corrected, trained_model):
    named = {"data": corrected, "model": trained_model[0]}
    result = CliRunner().invoke(main, ["train-trees", *(word.format(**named) for word in words)])
    assert result.exit_code == 2
    assert message in result.output and "Traceback" not in result.output


def test_one_image_is_too_few(data, tmp_path):
    for name in ("images", "labels"):
        (tmp_path / "one" / name).mkdir(parents=True)
        path = sorted((data / name).iterdir())[0]
        shutil.copy(path, tmp_path / "one" / name)
    result = CliRunner().invoke(main, ["train-trees", "--add", str(tmp_path / "one")])
    assert result.exit_code == 2 and "do not fill 2 folds" in result.output
    assert not (tmp_path / "one-model").exists()
