import json

import numpy as np
import pytest

from nucleisplit.config import RunConfig
from nucleisplit.datasets import load_dataset
from nucleisplit.errors import InputError, OutputError
from nucleisplit.training import TrainingRun
from stage1_unet import TrainConfig
from stage2_trees import ForestConfig


@pytest.fixture
def new_run(tmp_path, data):
    return TrainingRun(tmp_path / "run", (data,), None, None, 4, "ab" * 32, RunConfig())


def changed(run, **fields):
    return TrainingRun(**{**vars(run), **fields})


def test_starts_and_opens(new_run):
    new_run.start()
    opened = TrainingRun.open(new_run.folder)
    assert vars(opened) == vars(new_run) | {"data": (new_run.data[0].resolve(),)}
    new_run.start()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fingerprint": "cd" * 32}, "other data"),
        ({"folds": 5}, r"other folds \(5, was 4\)"),
        ({"group": "mosaic"}, r"other group \(mosaic, was None\)"),
        ({"initial": "ef" * 32}, "other --init"),
        ({"pseudo": "ef" * 32}, "other --pseudo"),
        ({"by_kind": True}, "other --by-kind"),
        ({"split": "ef" * 32}, "other folds, groups or kinds of the images"),
        (
            {"config": RunConfig(train=TrainConfig(steps=7))},
            r"settings \(\[train\] steps: 7, was 1800\)",
        ),
    ],
)
def test_goes_on_only_with_the_same(new_run, fields, message):
    new_run.start()
    with pytest.raises(OutputError, match=message):
        changed(new_run, **fields).start()


def test_settings_of_stage_2_do_not_bind_a_run(new_run):
    new_run.start()
    config = RunConfig(forest=ForestConfig(levels=32))
    changed(new_run, config=config).start()
    combined = new_run.with_stage_2(config)
    assert combined.forest.levels == 32 and combined.train == new_run.config.train


def test_a_strange_folder_is_left_alone(new_run):
    new_run.folder.mkdir()
    (new_run.folder / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match="not a training run"):
        new_run.start()
    assert [path.name for path in new_run.folder.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"data": "x"}'])
def test_not_a_run(tmp_path, text):
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match="is not a training run"):
        TrainingRun.open(tmp_path)


def test_unknown_setting_in_a_run(new_run):
    new_run.start()
    path = new_run.folder / "run.json"
    values = json.loads(path.read_text())
    values["config"]["train"]["sped"] = 1
    path.write_text(json.dumps(values))
    with pytest.raises(Exception, match="unknown key 'sped'"):
        TrainingRun.open(new_run.folder)


def test_maps_round_trip(new_run, data):
    record = load_dataset(data).records[0]
    assert not new_run.has_maps(record)
    with pytest.raises(InputError, match="repeat nucleisplit train-unet"):
        new_run.read_maps(record)
    maps = np.arange(12, dtype=np.float32).reshape(3, 2, 2) / 255
    new_run.write_maps(record, maps)
    assert new_run.has_maps(record)
    assert np.array_equal(new_run.read_maps(record) / np.float32(255), maps)


def test_incomplete(new_run, data):
    dataset = load_dataset(data)
    with pytest.raises(InputError, match="12 of 12 images lack maps"):
        new_run.check_complete(dataset)
