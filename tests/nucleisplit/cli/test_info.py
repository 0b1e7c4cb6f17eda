import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nucleisplit import __version__, environment
from nucleisplit.cli.main import main

TOLD = {
    "program": {"version": "1.2", "folder": "/here"},
    "processor": {"name": "A processor", "cores": 8, "instructions": ["avx2", "avx512_f"]},
    "devices": {"cpu": "2 threads", "cuda:0": "A card, 32.0 GiB"},
    "backends": {"auto": "openvino on cpu", "openvino-int8": "the model holds none"},
    "libraries": {"needed": {"numpy": "2.0", "torch": None}, "parquet": {"pyarrow": None}},
    "caches": {"/cache": "1.5 MB of code"},
    "problems": [],
}
PAGE = """\
program     version: 1.2
            folder: /here
processor   name: A processor
            cores: 8
            instructions: avx2, avx512_f
devices     cpu: 2 threads
            cuda:0: A card, 32.0 GiB
backends    auto: openvino on cpu
            openvino-int8: the model holds none
libraries   needed: numpy 2.0, torch (missing)
            parquet: pyarrow (missing); pip install "nucleisplit[parquet]"
caches      /cache: 1.5 MB of code"""


@pytest.fixture
def told(monkeypatch):
    content = dict(TOLD)
    monkeypatch.setattr("nucleisplit.environment.describe_environment", lambda: content)
    monkeypatch.setattr(
        "nucleisplit.cli.info.install_command", 'pip install "nucleisplit[{}]"'.format
    )
    return content


def run(*words, **options):
    return CliRunner().invoke(main, ["info", *words], **options)


def test_the_page(told):
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == PAGE + "\n"
    assert json.loads(run("--json").stdout) == TOLD
    assert run("-q").output == ""


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"CLICOLOR_FORCE": "1"}, True),
        ({"CLICOLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "CLICOLOR": "0"}, True),
    ],
)
def test_colours_in_a_pipe(told, environment, colored):
    result = run(env={"NO_COLOR": None, "FORCE_COLOR": None, **environment})
    assert ("\x1b[1m" in result.stdout) == colored
    assert "\x1b" not in run("--json", env=environment).stdout


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"CLICOLOR": "0"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_on_a_terminal(told, environment, colored):
    cleared = {"NO_COLOR": None, "FORCE_COLOR": None, "TERM": "xterm", **environment}
    assert ("\x1b[1m" in run(env=cleared, color=True).stdout) == colored


def test_every_key_is_documented():
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    for key in {*TOLD, *environment._program(), *environment._processor()}:
        assert f"`{key}`" in page


def test_problems_are_named(told):
    told |= {"devices": None, "backends": None, "problems": ["devices: no torch", "backends: no"]}
    told["processor"] = told["processor"] | {"instructions": None}
    result = run()
    assert result.exit_code == 1
    assert result.stderr == "nucleisplit: devices: no torch\nnucleisplit: backends: no\n"
    assert "instructions: unknown" in result.stdout and "devices" not in result.stdout
    answer = run("--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout) == told


def test_this_machine(monkeypatch):
    monkeypatch.setattr(environment, "_backends", lambda: {"auto": "torch on cpu"})
    result = run("--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["program"]["version"] == __version__
    assert content["backends"] == {"auto": "torch on cpu"}
