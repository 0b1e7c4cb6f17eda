"""What is missing is named before anything is done, with the extra that brings it."""

import pytest
from click.testing import CliRunner

from nucleisplit.cli import guard
from nucleisplit.cli.main import main


@pytest.mark.parametrize(
    ("words", "missing", "extra"),
    [
        ("train data", "torch", "train"),
        ("train-trees data", "lightgbm", "train"),
        ("quantize default data", "nncf", "quantize"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(words, missing, extra, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        guard, "missing_libraries", lambda *names: [name for name in names if name == missing]
    )
    monkeypatch.setattr(guard, "training_command", lambda: 'pip install ".[train]"')
    monkeypatch.setattr(guard, "install_command", lambda extra: f'pip install ".[{extra}]"')
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 2
    assert result.stderr == f'nucleisplit: not installed: {missing}; pip install ".[{extra}]"\n'
