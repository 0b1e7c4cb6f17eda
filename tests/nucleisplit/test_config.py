import pytest

from nucleisplit.config import RunConfig, load_config
from nucleisplit.errors import ConfigError


def test_no_file_gives_the_defaults():
    assert load_config() == RunConfig()


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    file = tmp_path / "train.toml"
    file.write_text("[train]\nsteps = 7\nscale = [0.5, 2.0]\n[forest]\nlevels = 64\n")
    config = load_config(file)
    assert config.train.steps == 7
    assert config.train.scale == (0.5, 2.0)
    assert config.forest.levels == 64
    assert config.network == RunConfig().network


def test_a_config_survives_its_dictionary():
    config = RunConfig.model_validate({"predict": {"tta": "d4"}})
    assert RunConfig.model_validate(config.to_dict()) == config


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[train]\nsped = 2\n", ["unknown key 'sped' in [train]", "allowed keys: steps, "]),
        (
            "[trian]\nsteps = 2\n",
            [
                "unknown section or key 'trian'",
                "did you mean 'train'?",
                "allowed sections: preproc",
            ],
        ),
        ("[train]\nbatch_size = 2\n", ["unknown key 'batch_size'", "did you mean 'batch'?"]),
        ("[train]\nepochs = 2\n", ["did you mean 'steps'?"]),
        ("[predict]\nlr = 1\n", ["unknown key 'lr' in [predict]; it belongs into [train]; "]),
        ("steps = 2\n", ["unknown section or key 'steps'; it belongs into [train] or [adapt]"]),
        ("[train]\nsteps = 0\n", ["[train] steps = 0", "greater than or equal to 1"]),
        ("[train]\nsteps = 'many'\n", ["[train] steps = 'many'", "valid integer"]),
        ("[preprocess]\nlow = 60\nhigh = 40\n", ["[preprocess]", "low (60.0) must be below high"]),
        ("[classes]\nmin_iou = {a = 2.0}\n", ["[classes.min_iou] a = 2.0", "less than or equal"]),
        ("train = 3\n", ["[train] = 3"]),
        ("[train]\nlr = inf\n", ["[train] lr = inf", "finite number"]),
        ("[train]\ncrop = 100_000_000\n", ["[train] crop = 100000000", "less than or equal to"]),
        ("[train]\nscale = [1.0, inf]\n", ["[train] scale[1] = inf", "finite number"]),
        ("[network]\nwidths = [32, 1_000_000]\n", ["[network] widths[1] = 1000000"]),
        (f"[train]\nsteps = 0x{'f' * 9999}\n", ["[train] steps = a very large number"]),
        (f"[train]\nsteps = {'9' * 9999}\n", ["is not TOML"]),
        (f"[train]\nloss = '{'x' * 9999}'\n", ["[train] loss = 'xxx", "xxx... is refused"]),
        ("a = " + "[" * 9999, ["is not TOML"]),
        ("[train\n", ["is not TOML", "line 1"]),
        (b"\xff\xfe[train]", ["is not UTF-8 text"]),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, parts):
    file = tmp_path / "train.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="nowhere.toml: cannot be read: No such file"):
        load_config(tmp_path / "nowhere.toml")


def numbers():
    """Every number of every section: section, key, and how to write another in its place."""
    for section in RunConfig.model_fields:
        for key, value in getattr(RunConfig(), section):
            if isinstance(value, tuple) and all(isinstance(one, int | float) for one in value):
                yield section, key, [*value[:-1], "{}"]
            elif key == "diameter" or type(value) in (int, float):
                yield section, key, "{}"


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1" + 18 * "0", "-1" + 18 * "0"])
def test_every_number_has_bounds(tmp_path, value):
    file = tmp_path / "train.toml"
    found = list(numbers())
    assert len(found) > 55 and {section for section, *_ in found} >= {"train", "forest", "adapt"}
    for section, key, form in found:
        text = str(form).replace("'", "").format(value)
        file.write_text(f"[{section}]\n{key} = {text}\n")
        with pytest.raises(ConfigError) as caught:
            load_config(file)
        assert str(caught.value).startswith(f"{file}: [{section}] ")
        assert key in str(caught.value)
