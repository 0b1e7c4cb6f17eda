import numpy as np
import pytest
import torch

from nucleisplit.config import RunConfig
from nucleisplit.errors import BundleError, InputError
from nucleisplit.model import load_bundle
from nucleisplit.training import Start, TrainingRun
from stage1_unet import NetworkConfig, build_network, save_network

NETWORK = NetworkConfig(widths=(4, 8))


@pytest.fixture
def run(tmp_path, data):
    config = RunConfig(network=NETWORK)
    run = TrainingRun(tmp_path / "run", (data,), None, None, 4, "ab" * 32, config)
    run.start()
    for fold in (0, None):
        folder = run.final_folder if fold is None else run.fold_folder(fold)
        folder.mkdir()
        save_network(folder / "network.safetensors", build_network(NETWORK), NETWORK)
    return run


def weight(network):
    return next(network.parameters()).detach().numpy()


def test_a_run_gives_each_fold_its_own_network(run):
    start = Start.find(run.folder)
    assert start.settings(RunConfig()).network == NETWORK
    assert start.check(run) is None
    own, final = weight(start.network(0)), weight(start.network(None))
    assert own.shape == final.shape and not np.array_equal(own, final)
    assert np.array_equal(own, weight(start.network(0)))


def test_the_learning_rate_is_for_fine_tuning_unless_it_is_set(run):
    start = Start.find(run.folder)
    assert start.settings(RunConfig()).train.lr == 5e-4 < RunConfig().train.lr
    own = RunConfig.model_validate({"train": {"lr": 2e-3}})
    assert start.settings(own).train.lr == 2e-3


def test_a_fold_that_is_not_trained_yet_is_an_error(run):
    with pytest.raises(InputError, match="fold-1.*finish that run first"):
        Start.find(run.folder).network(1)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("fingerprint", "cd" * 32, "has other data"),
        ("folds", 5, "has other folds"),
        ("group", "mosaic", "has other group"),
        ("split", "ef" * 32, "has other folds, groups or kinds of the images"),
    ],
)
def test_other_folds_are_refused(run, field, value, message):
    before = TrainingRun(**{**vars(run), "split": "ab" * 32})
    assert Start(before).check(before) is None
    other = TrainingRun(**{**vars(before), field: value})
    with pytest.raises(InputError, match=message):
        Start(before).check(other)


def test_a_run_of_an_earlier_version_does_not_know_its_folds(run):
    assert run.split is None
    assert Start(run).check(TrainingRun(**{**vars(run), "split": "ef" * 32})) is None


def test_the_fingerprint_follows_the_weights(run):
    before = Start.find(run.folder).fingerprint
    assert before == Start.find(run.folder).fingerprint
    torch.manual_seed(5)
    save_network(run.final_weights, build_network(NETWORK), NETWORK)
    assert Start.find(run.folder).fingerprint != before


def test_a_model_gives_every_fold_the_same(model, run):
    start = Start.find(model)
    assert start.fingerprint == load_bundle(model).fingerprint
    assert np.array_equal(weight(start.network(0)), weight(start.network(None)))
    assert start.check(run) is None
    seen = TrainingRun(**{**vars(run), "fingerprint": load_bundle(model).manifest.data})
    assert "trained on these very images" in start.check(seen)


def test_neither_run_nor_model(tmp_path):
    with pytest.raises(BundleError, match="no such model"):
        Start.find(tmp_path / "nothing")
