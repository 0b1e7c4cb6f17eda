import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from stage1_unet import (
    NetworkConfig,
    Pair,
    TrainConfig,
    build_network,
    load_network,
    processor,
    train_network,
)
from stage1_unet.callbacks import Part, Report
from stage1_unet.data import CropDataset
from stage1_unet.module import learning_rate
from stage1_unet.train import _precision

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
        pairs(), pairs(), folder, NETWORK, config, device="cpu", say=say, **options
    )


def test_interrupted_training_ends_with_the_same_weights(tmp_path, monkeypatch):
    whole = weights_of(train(tmp_path / "whole"))

    class Killed(BaseException):
        pass

    report = Report.on_train_epoch_end

    def die(self, trainer, module):
        report(self, trainer, module)
        if trainer.global_step == 4:
            raise Killed

    monkeypatch.setattr(Report, "on_train_epoch_end", die)
    with pytest.raises(Killed):
        train(tmp_path / "parts")
    monkeypatch.undo()
    lines = []
    again = weights_of(train(tmp_path / "parts", say=lines.append))
    assert lines[0].startswith("  resumes from step ") and lines[0].endswith(" of 6")
    assert [line.split()[1] for line in lines[1:]] == ["4/6", "6/6"]
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

    monkeypatch.setattr(Report, "on_train_epoch_end", terminate)
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
        train_network([], [], tmp_path, NETWORK, CONFIG, device="cpu")


def scores(*values):
    """A score that takes the given values, one per epoch."""
    left = list(values)
    return lambda maps, labels: left.pop(0)


def changed(config, **values):
    return config.model_copy(update=values)


def test_the_held_out_score_is_taken_on_the_middle_of_whole_images(tmp_path):
    seen = []

    def score(maps, labels):
        seen.append((maps.shape, labels.max()))
        return 0.25

    lines = []
    config = changed(CONFIG, steps=2, validation_images=3)
    large = Pair(np.zeros((600, 40, 3), np.uint8), np.ones((600, 40), np.int32))
    train_network(
        pairs(), [*pairs(), large], tmp_path, NETWORK, config,
        device="cpu", say=lines.append, score=score,
    )  # fmt: skip
    assert seen == [((3, 48, 48), 2), ((3, 512, 40), 1)]
    assert "mAP 0.250" in lines[0] and "loader" in lines[0]


def test_the_time_left_includes_what_follows():
    lines = []
    report = Report(lines.append, steps_after=8)
    report.start = time.monotonic() - 120, 0
    report.waiting = report.working = 0.0
    report.on_train_epoch_end(
        SimpleNamespace(global_step=2, max_steps=4, callback_metrics={}), None
    )
    assert lines[0].endswith("10 min left")


def test_a_network_to_start_from_is_scored_before_and_after(tmp_path):
    lines, done = [], []
    config = changed(CONFIG, steps=2)
    start = {"initial": build_network(NETWORK), "score": scores(0.2, 0.3, 0.5)}
    train(tmp_path, config, lines.append, part=Part(1, 3, lambda *at: done.append(at)), **start)
    assert lines[-1] == "  held-out mAP 0.200 before, 0.500 after"
    assert done == [(1, 6), (2, 6), (3, 6)]


def test_the_best_weights_are_kept_when_asked_for(tmp_path):
    one = weights_of(train(tmp_path / "one", changed(CONFIG, decay="constant", steps=2)))
    best = changed(CONFIG, decay="constant", keep="best")
    kept = weights_of(train(tmp_path / "best", best, score=scores(0.5, 0.2, 0.3)))
    last = weights_of(train(tmp_path / "last", changed(best, keep="last"), score=scores(3, 2, 1)))
    name = "head.weight"
    assert torch.equal(kept[name], one[name])
    assert not torch.equal(last[name], one[name])
    assert not list(tmp_path.rglob("*.ckpt"))


def test_patience_ends_training_early(tmp_path):
    lines = []
    config = changed(CONFIG, steps=20, patience=2)
    train(tmp_path, config, lines.append, score=scores(0.5, 0.4, 0.3, 0.6))
    assert [line.split()[1] for line in lines] == ["2/20", "4/20", "6/20"]


@pytest.mark.parametrize("encoder", [None, "mobilenet_v2"])
def test_a_frozen_encoder_stays_as_it_was(tmp_path, encoder):
    network = NETWORK
    if encoder:
        network = NetworkConfig(architecture="unet", encoder=encoder, widths=(4, 4, 4, 4, 4))
    start = build_network(network)
    config = changed(CONFIG, steps=2, freeze_encoder=True, ema=0.0, lr=0.1)
    path = train_network(pairs(), [], tmp_path, network, config, device="cpu", initial=start)
    before, after = start.half().float().state_dict(), weights_of(path)
    frozen = ("encoder.",) if encoder else ("stem.", "down.")
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in before if name.startswith(frozen)} <= same
    assert "head.weight" not in same and "segmentation_head.0.weight" not in same


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        ("cosine", [0.5, 1, 1, 0.75, 0.25, 0]),
        ("linear", [0.5, 1, 1, 2 / 3, 1 / 3, 0]),
        ("constant", [0.5, 1, 1, 1, 1, 1]),
    ],
)
def test_learning_rate_warms_up_and_decays(decay, expected):
    rate = learning_rate(TrainConfig(steps=5, warmup=0.4, decay=decay))
    assert [rate(step) for step in range(6)] == pytest.approx(expected)


def test_hard_examples_go_on_after_an_interruption(tmp_path, monkeypatch):
    config = changed(CONFIG, hard_share=0.5, steps=4)
    seen = []
    tell = CropDataset.set_difficulty

    def listen(self, difficulty):
        seen.append(difficulty.tolist())
        tell(self, difficulty)

    monkeypatch.setattr(CropDataset, "set_difficulty", listen)
    empty = Pair(np.zeros((48, 48, 3), np.uint8), np.zeros((48, 48), np.int32))

    def fit(folder):
        train_network(
            [*pairs(), empty], [], folder, NETWORK, config, device="cpu",
            say=lambda line: None,
        )  # fmt: skip
        return weights_of(folder / "network.safetensors")

    whole = fit(tmp_path / "whole")
    assert len(seen) == 2 and seen[0] != seen[1]
    assert all(0 < value < 1 for value in seen[1])

    report = Report.on_train_epoch_end

    def die(self, trainer, module):
        report(self, trainer, module)
        if trainer.global_step == 4:
            raise KeyError("killed")

    monkeypatch.setattr(Report, "on_train_epoch_end", die)
    with pytest.raises(KeyError):
        fit(tmp_path / "parts")
    monkeypatch.setattr(Report, "on_train_epoch_end", report)
    before = list(seen[:2])
    seen.clear()
    again = fit(tmp_path / "parts")
    assert before[0] in seen and seen[-1] == before[1]
    for name, value in whole.items():
        assert torch.equal(value, again[name]), name


@pytest.mark.parametrize(
    ("asked", "kind", "known", "expected"),
    [
        ("auto", "cpu", {"avx512_bf16": True}, "bf16-mixed"),
        ("auto", "cpu", {"amx_bf16": True, "avx512_bf16": False}, "bf16-mixed"),
        ("auto", "cpu", {"avx512_bf16": False}, "32-true"),
        ("auto", "mps", {"avx512_bf16": True}, "32-true"),
        ("32", "cpu", {"avx512_bf16": True}, "32-true"),
        ("bf16", "cpu", {}, "bf16-mixed"),
    ],
)
def test_precision_is_what_the_processor_is_made_for(monkeypatch, asked, kind, known, expected):
    there = frozenset(name for name, has in known.items() if has)
    monkeypatch.setattr(processor, "list_instructions", lambda: there)
    assert _precision(asked, kind) == expected
