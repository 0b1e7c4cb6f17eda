import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from nucleisplit.cli.completers import model_names
from nucleisplit.cli.completion import SHELLS
from nucleisplit.cli.main import COMMANDS, main
from nucleisplit.model.bundle import MODELS, added_models
from nucleisplit.model.manifest import MANIFEST


def run(*words, **options):
    return CliRunner().invoke(main, list(words), prog_name="nucleisplit", **options)


def complete(line):
    """What bash is told after these words, the last one begun: (type, value) each."""
    words = line.split(" ")
    environment = {
        "_NUCLEISPLIT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    result = run(env=environment)
    assert result.exit_code == 0 and not result.stderr
    return [tuple(row.split(",", 1)) for row in result.stdout.splitlines() if row]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nucleisplit mod", [("plain", "models")]),
        ("nucleisplit --qu", [("plain", "--quiet")]),
        ("nucleisplit infer --back", [("plain", "--backend")]),
        ("nucleisplit infer --quie", [("plain", "--quiet")]),
        (
            "nucleisplit infer --backend openvino-",
            [("plain", "openvino-bf16"), ("plain", "openvino-int8")],
        ),
        ("nucleisplit infer --device c", [("plain", "cpu"), ("plain", "cuda")]),
        ("nucleisplit infer im", [("file", "im")]),
        ("nucleisplit infer --model de", [("dir", "de"), ("plain", "default")]),
        ("nucleisplit infer --model mine/", [("dir", "mine/")]),
        ("nucleisplit infer --write co", [("plain", "coco"), ("plain", "coco-polygons")]),
        ("nucleisplit infer --write roi,geop", [("plain", "roi,geoparquet")]),
        ("nucleisplit infer --write coco,coc", [("plain", "coco,coco-polygons")]),
        (
            "nucleisplit convert a b --to ome",
            [("plain", "ome-tiff"), ("plain", "ome-zarr"), ("plain", "ome-zarr-0.4")],
        ),
        ("nucleisplit evaluate a b --json sc", [("file", "sc")]),
        ("nucleisplit quantize de", [("dir", "de"), ("plain", "default")]),
        ("nucleisplit train-unet data --init de", [("dir", "de"), ("plain", "default")]),
        ("nucleisplit completion z", [("plain", "zsh")]),
        ("nucleisplit -q completion f", [("plain", "fish")]),
        ("nucleisplit info nonsense", []),
    ],
)
def test_what_is_completed(line, expected):
    assert complete(line) == expected


def test_every_command_is_completed():
    assert {value for _, value in complete("nucleisplit ")} == set(COMMANDS)


def test_names_are_those_of_the_models(tmp_path, monkeypatch):
    for module in ("cli.completers", "model.bundle"):
        monkeypatch.setattr(f"nucleisplit.{module}.user_data_path", lambda *_, **__: tmp_path)
    bundled = sorted(path.parent.name for path in MODELS.glob(f"*/{MANIFEST}"))
    assert model_names() == bundled
    (added_models() / "mine").mkdir(parents=True)
    (added_models() / "mine" / MANIFEST).touch()
    assert model_names() == sorted([*bundled, "mine"])


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_that_of_click(shell):
    printed = run("completion", shell)
    assert printed.exit_code == 0
    assert f"_NUCLEISPLIT_COMPLETE={shell}_complete" in printed.stdout
    of_click = run(env={"_NUCLEISPLIT_COMPLETE": f"{shell}_source"})
    assert printed.stdout == of_click.stdout.rstrip() + "\n"


def test_the_help_says_where_the_script_goes():
    page = run("completion", "--help").output
    for place in ("~/.bashrc", "~/.zfunc/_nucleisplit", "~/.config/fish/completions/"):
        assert place in page


COMPLETE = """
compopt() { :; }
eval "$(nucleisplit completion bash)"
COMP_WORDS=(nucleisplit infer --backend openvino-i) COMP_CWORD=3
_nucleisplit_completion nucleisplit
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no bash")
def test_bash_completes(tmp_path):
    program = tmp_path / "nucleisplit"
    program.write_text(f"#!{sys.executable}\nfrom nucleisplit.cli.main import main\nmain()\n")
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETE],
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    assert (done.stdout, done.stderr) == ("openvino-int8\n", "")
