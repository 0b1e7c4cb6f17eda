import numpy as np
import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from stage1_unet import NetworkConfig, Pair, TrainConfig, load_network, train_network
from stage1_unet.train import _Report

NETWORK = NetworkConfig(widths=(4, 8))
CONFIG = TrainConfig(
    steps=6, epoch_steps=2, batch=2, crop=32, workers=0, validation_crops=2, ema=0.5
)


def pairs():
    labels = np.zeros((48, 48), np.int32)
    labels[8:20, 8:20], labels[8:20, 20:32] = 1, 2
    return [Pair.prepare((labels > 0) * 200, labels)]


def weights_of(path):
    return load_network(path).state_dict()


def train(folder, config=CONFIG, say=lambda line: None, **options):
    return train_network(
        pairs(), pairs(), folder, NETWORK, config, device="cpu", progress=False, say=say, **options
    )


def test_interrupted_training_ends_with_the_same_weights(tmp_path, monkeypatch):
    whole = weights_of(train(tmp_path / "whole"))

    class Killed(BaseException):
        pass

    report = _Report.on_train_epoch_end

    def die(self, trainer, module):
        report(self, trainer, module)
        if trainer.global_step == 4:
            raise Killed

    monkeypatch.setattr(_Report, "on_train_epoch_end", die)
    with pytest.raises(Killed):
        train(tmp_path / "parts")
    monkeypatch.undo()
    lines = []
    again = weights_of(train(tmp_path / "parts", say=lines.append))
    assert [line.split()[1] for line in lines] == ["4/6", "6/6"]
    for name, value in whole.items():
        assert torch.equal(value, again[name]), name


def test_finished_training_is_not_repeated(tmp_path):
    path = train(tmp_path)
    before = path.stat().st_mtime_ns
    lines = []
    assert train(tmp_path, say=lines.append) == path
    assert path.stat().st_mtime_ns == before and not lines
    assert not list(tmp_path.rglob("*.ckpt"))


def test_starts_from_a_network(tmp_path):
    first = load_network(train(tmp_path / "first"))
    still = CONFIG.model_copy(update={"lr": 1e-12, "weight_decay": 0.0})
    second = weights_of(train(tmp_path / "second", still, initial=first))
    name = "head.weight"
    assert torch.allclose(second[name], first.state_dict()[name], atol=1e-5)


def test_a_terminated_training_does_not_look_finished(tmp_path, monkeypatch):
    def terminate(self, trainer, module):
        raise SIGTERMException

    monkeypatch.setattr(_Report, "on_train_epoch_end", terminate)
    with pytest.raises(SystemExit) as ended:
        train(tmp_path)
    assert ended.value.code == 143
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CONFIG.model_copy(update={"crop": 34}), "multiple of 4"),
    ],
)
def test_refused(tmp_path, config, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path, config)
    with pytest.raises(ValueError, match="no image"):
        train_network([], [], tmp_path, NETWORK, CONFIG, device="cpu", progress=False)
