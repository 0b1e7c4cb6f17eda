"""However a command ends: one line, the right exit code, nothing half-said."""

import errno
import json
import signal

import click
import pytest
from click.testing import CliRunner

from nucleisplit import model
from nucleisplit.cli.exits import MEANINGS
from nucleisplit.cli.main import COMMANDS, main
from nucleisplit.errors import InputError


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["infer", "--help"], 0),
        (["completion", "bash"], 0),
        (["models"], 0),
        (["models", "nowhere"], 1),
        (["--nonsense"], 2),
        (["nonsense"], 2),
        (["completion", "tcsh"], 2),
        (["convert", "nowhere", "a.tif"], 2),
        (["evaluate", "nowhere", "nowhere"], 2),
        (["infer", "nowhere.png"], 2),
        (["info", "nowhere"], 2),
        (["quantize", "default", "nowhere"], 2),
        (["report", "nowhere"], 2),
        (["train-trees", "nowhere"], 2),
        (["train-unet", "nowhere"], 2),
    ],
)
def test_exit_codes_of_the_commands(words, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == code, result.output
    assert code in MEANINGS
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_wrong_usage(name):
    result = run(name, "--nonsense")
    assert result.exit_code == 2
    assert "--nonsense" in result.stderr and not result.stdout


def terminate(*_):
    signal.raise_signal(signal.SIGTERM)


def throw(error):
    def tell(*_):
        raise error

    return tell


FAULTS = [
    (throw(InputError("a: is bad", "mend it")), 2, "a: is bad; mend it"),
    (throw(InputError("a: is\nbad")), 2, "a: is bad"),
    (
        throw(PermissionError(errno.EACCES, "Permission denied", "a")),
        2,
        "a: Permission denied; check the path and its permissions",
    ),
    (
        throw(MemoryError()),
        2,
        "there is not enough memory; close other programs, or do less at a time",
    ),
    (
        throw(KeyError("a")),
        2,
        "failed with KeyError: 'a'; repeat with --debug and report what is shown",
    ),
    (
        throw(RuntimeError()),
        2,
        "failed with RuntimeError; repeat with --debug and report what is shown",
    ),
    (
        throw(ValueError("two\nlines")),
        2,
        "failed with ValueError: two lines; repeat with --debug and report what is shown",
    ),
    (throw(KeyboardInterrupt()), 130, "interrupted"),
    (throw(SystemExit(143)), 143, "terminated"),
    (terminate, 143, "terminated"),
]


@pytest.mark.parametrize(("fault", "code", "line"), FAULTS)
def test_every_error_is_one_line(monkeypatch, fault, code, line):
    monkeypatch.setattr(model, "list_models", fault)
    before = signal.getsignal(signal.SIGTERM)
    plain = run("models")
    assert (plain.exit_code, plain.stdout) == (code, "")
    assert plain.stderr == f"nucleisplit: {line}\n"
    assert signal.getsignal(signal.SIGTERM) is before

    answer = run("models", "--json")
    assert (answer.exit_code, answer.stderr) == (code, plain.stderr)
    assert json.loads(answer.stdout) == {"error": line}

    loud = run("models", "--debug")
    assert loud.exit_code == code
    assert "Traceback" in loud.stderr and loud.stderr.endswith(plain.stderr)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (throw(SystemExit(7)), 7),
        (throw(click.exceptions.Exit(0)), 0),
        (throw(click.ClickException("no")), 1),
        (throw(BrokenPipeError(errno.EPIPE, "Broken pipe")), 1),
    ],
)
def test_what_click_knows_is_left_to_it(monkeypatch, fault, code):
    monkeypatch.setattr(model, "list_models", fault)
    result = run("models")
    assert result.exit_code == code
    assert "nucleisplit: " not in result.stderr
