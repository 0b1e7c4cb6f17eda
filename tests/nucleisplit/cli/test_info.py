import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nucleisplit import __version__
from nucleisplit.cli.info_page import info_page
from nucleisplit.cli.main import main

TOLD = {
    "program": {
        "version": "1.2",
        "folder": "/here",
        "python": "3.12.1",
        "executable": "/bin/python",
        "system": "Linux-6",
    },
    "processor": {
        "name": "A processor",
        "machine": "x86_64",
        "cores": 8,
        "usable": 2,
        "instructions": ["AVX2", "AVX-512"],
    },
    "memory": {"total": 2**34, "limit": 2**32},
    "devices": [
        {"name": "cpu", "title": "2 threads", "memory": None},
        {"name": "cuda:0", "title": "A card", "memory": 2**35},
    ],
    "backends": {
        "model": "default",
        "backend": "openvino",
        "device": "cpu",
        "reason": "the fastest",
        "errors": {"openvino-int8": "the model holds none", "openvino": None, "torch": None},
    },
    "libraries": {"numpy": "2.0", "torch": None},
    "extras": {"cluster": {"dask": "1.0", "distributed": None}, "parquet": {"pyarrow": "15.0"}},
    "caches": [
        {"path": "/cache", "content": "code", "exists": True, "bytes": 1_500_000},
        {"path": "/other", "content": "networks", "exists": False, "bytes": 0},
    ],
    "problems": [],
}
PAGE = """\
program     nucleisplit 1.2 in /here
            Python 3.12.1, /bin/python
            Linux-6
processor   A processor, x86_64, 8 cores (2 usable)
            AVX2, AVX-512
memory      16.0 GiB, limited to 4.0 GiB
devices     cpu: 2 threads
            cuda:0: A card, 32.0 GiB
backends    auto takes openvino on cpu: the fastest
            can compute the model default: openvino, torch
            not openvino-int8: the model holds none
libraries   numpy 2.0, torch (missing)
extras      cluster: no, distributed missing; pip install "nucleisplit[cluster]"
            parquet: yes, pyarrow 15.0
caches      /cache: code, 1.5 MB
            /other: networks, not there yet"""


@pytest.fixture
def told(monkeypatch):
    content = dict(TOLD)
    monkeypatch.setattr("nucleisplit.environment.describe_environment", lambda: content)
    monkeypatch.setattr(
        "nucleisplit.cli.info_page.install_command", 'pip install "nucleisplit[{}]"'.format
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
    parts = [part[0] if isinstance(part, list) else part for part in TOLD.values() if part]
    keys = {key for part in parts for key in part} - {*TOLD["libraries"], *TOLD["extras"]}
    for key in {*TOLD, *keys}:
        assert f"`{key}`" in page


def test_problems_are_named(told):
    told |= {"devices": None, "backends": None, "problems": ["devices: no torch", "backends: no"]}
    told["processor"] = told["processor"] | {"instructions": None, "usable": None}
    told["memory"] = {"total": None, "limit": None}
    result = run()
    assert result.exit_code == 1
    assert result.stderr == "nucleisplit: devices: no torch\nnucleisplit: backends: no\n"
    assert "instructions unknown" in result.stdout and "devices" not in result.stdout
    answer = run("--json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout) == told


def test_this_machine(monkeypatch):
    from nucleisplit.environment import backends

    errors = {"torch": None}
    quick = {"model": "m", "backend": "torch", "device": "cpu", "reason": "r", "errors": errors}
    monkeypatch.setattr(backends, "describe_backends", lambda: quick)
    result = run("--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["program"]["version"] == __version__
    assert content["backends"] == quick
    assert "auto takes torch on cpu: r" in info_page(content)
