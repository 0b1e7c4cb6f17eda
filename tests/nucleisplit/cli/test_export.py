import sys

import pytest
from click.testing import CliRunner

from nucleisplit.cli.export import export
from nucleisplit.cli.main import main
from nucleisplit.export import ENDINGS
from nucleisplit.extras import install_command


def run(*words):
    return CliRunner().invoke(main, ["export", *map(str, words)])


def test_names_of_the_formats():
    (option,) = (parameter for parameter in export.params if parameter.name == "kind")
    assert sorted(option.type.choices) == sorted(ENDINGS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["default"], "Missing option '--format'"),
        (["default", "--format", "keras"], "'keras' is not one of 'bioimageio', 'model', 'onnx'"),
        (["nosuch", "--format", "onnx"], "nosuch: no such model; give the folder of a model"),
        (["default", "--format", "onnx", "--author", "A"], "are for --format bioimageio"),
        (["default", "--format", "onnx", "--sample", "a.png"], "are for --format bioimageio"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(words, message):
    result = run(*words)
    assert result.exit_code == 2 and message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("kind", ENDINGS)
def test_a_file_that_is_there_is_not_replaced(model, tmp_path, kind):
    out = tmp_path / "precious"
    out.write_text("precious")
    result = run(model, "--format", kind, "--out", out)
    assert result.exit_code == 2
    assert result.stderr == f"nucleisplit: {out}: exists; use --overwrite to replace it, or " + (
        "another name\n"
    )
    assert out.read_text() == "precious"


@pytest.mark.parametrize(
    ("kind", "missing", "named"),
    [
        ("onnx", ["onnxruntime"], "onnxruntime"),
        ("bioimageio", ["bioimageio.core", "bioimageio"], "bioimageio.core"),
    ],
)
def test_a_library_that_is_missing_is_named(model, tmp_path, monkeypatch, kind, missing, named):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    result = run(model, "--format", kind, "--out", tmp_path / "out")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert f"export to {kind} needs " in result.stderr and named in result.stderr
    assert result.stderr.endswith(f"; {install_command('export')}\n")
    assert list(tmp_path.iterdir()) == []
