import json
import logging
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from nucleisplit import __version__
from nucleisplit.cli.exits import MEANINGS
from nucleisplit.cli.main import COMMANDS, main


def run(*arguments, **options):
    return CliRunner(**options).invoke(main, [str(argument) for argument in arguments])


def test_help_lists_every_command_and_exit_code():
    result = run("--help")
    assert result.exit_code == 0
    for name, (_, summary) in COMMANDS.items():
        assert name in result.output
        assert summary in result.output
    for code in MEANINGS:
        assert f"\n  {code} " in result.output


def test_version():
    assert run("--version").output == f"nucleisplit, version {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"nucleisplit {name} " in result.output.partition("\n")[2]
    for option in ("-v, --verbose", "-q, --quiet", "--debug", "-h, --help"):
        assert result.output.count(f"  {option} ") == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("infre", "Did you mean infer?"),
        ("segment", "Did you mean infer?"),
        ("predict", "Did you mean infer?"),
        ("help", "Did you mean --help?"),
        ("nothing", "No such command 'nothing'."),
        ("", "No such"),
    ],
)
def test_an_unknown_command_is_refused(name, message):
    result = run(name)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("infer a.png --gpu", "No such option '--gpu'. Did you mean '--device cuda'?"),
        ("infer a.png --savedir b", "Did you mean '--out'?"),
        ("infer a.png --sensitivty 1", "Did you mean '--sensitivity'?"),
        ("convert a.tif b.tif --gpu", "No such option '--gpu'."),
    ],
)
def test_an_unknown_option_is_refused(words, message):
    result = run(*words.split())
    assert result.exit_code == 2
    assert message in result.stderr.replace(": --", " '--")  # as click 8.1 has it
    assert "device" not in result.stderr or "infer" in words


@pytest.mark.parametrize("place", ["before", "after"])
def test_an_error_is_one_line_and_debug_adds_the_traceback(tmp_path, place):
    missing = tmp_path / "nowhere.png"
    plain = run("infer", missing)
    assert plain.exit_code == 2
    assert plain.stderr == f"nucleisplit: {missing}: does not exist; check the path\n"
    words = ["--debug", "infer", missing] if place == "before" else ["infer", missing, "--debug"]
    loud = run(*words)
    assert "Traceback" in loud.stderr
    assert loud.stderr.endswith(plain.stderr)
    assert loud.exit_code == 2


LOUDNESS = [
    ([], "7 nuclei in 1 image: b.tif\n", ""),
    (["-v"], "7 nuclei in 1 image: b.tif\n", "reading a.tif\n"),
    (["-q"], "", ""),
    (["--quiet", "--json"], '{\n  "out": "b.tif",\n  "nuclei": 7,\n  "images": 1\n}\n', ""),
    (["--json", "--quiet"], '{\n  "out": "b.tif",\n  "nuclei": 7,\n  "images": 1\n}\n', ""),
    (["--json"], '{\n  "out": "b.tif",\n  "nuclei": 7,\n  "images": 1\n}\n', ""),
]


@pytest.fixture
def labels(tmp_path, spots, monkeypatch):
    """A folder to work in, with a label image a.tif."""
    from nucleisplit.labels import write_labels

    monkeypatch.chdir(tmp_path)
    write_labels("a.tif", spots(0)[1])
    return tmp_path


@pytest.mark.parametrize(("options", "out", "err"), LOUDNESS)
def test_what_is_said_where(labels, options, out, err):
    result = run("convert", "a.tif", "b.tif", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (0, out, err)


def test_switches_stand_before_the_command_as_well(labels):
    assert run("-q", "convert", "a.tif", "b.tif").stdout == ""
    assert run("-v", "convert", "a.tif", "c.tif").stderr == "reading a.tif\n"
    result = run("-v", "convert", "a.tif", "d.tif", "-q")
    assert result.exit_code == 2
    assert "--verbose and --quiet exclude each other" in result.stderr


def test_errors_are_said_when_quiet_and_in_json(labels):
    error = "a.tif: exists; use --overwrite to replace it, or another name"
    result = run("-q", "convert", "a.tif", "a.tif", "--json")
    assert result.exit_code == 2
    assert result.stderr == f"nucleisplit: {error}\n"
    assert json.loads(result.stdout) == {"error": error}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["convert", "a.tif", "--json"], "Missing argument 'OUT'."),
        (["convert", "--json", "--to", "png", "a.tif", "b"], "Invalid value for '--to'"),
        (["convert", "a.tif", "b.tif", "--json", "--jsn"], "No such option"),
        (["infre", "a.tif", "--json"], "No such command 'infre'. Did you mean infer?"),
    ],
)
def test_wrong_usage_is_json_too(words, message):
    result = run(*words)
    assert result.exit_code == 2
    assert message in json.loads(result.stdout)["error"]
    assert "Usage: " in result.stderr and "Error: " in result.stderr


def test_nothing_is_left_behind(labels):
    streams, levels = sys.stdout, logging.getLogger("nucleisplit").level
    for options in (["-v"], ["-q"], ["--debug"], ["--json"], ["-q", "--json", "--nonsense"]):
        run("convert", "a.tif", "b.tif", "--overwrite", *options)
    assert sys.stdout is streams
    assert logging.getLogger("nucleisplit").level == levels
    assert not logging.getLogger("nucleisplit").handlers


def test_debug_shows_what_the_libraries_log(labels, monkeypatch):
    def convert(*arguments):
        logging.getLogger("stage1_unet.somewhere").debug("a detail")
        logging.getLogger("nucleisplit.somewhere").info("a step")
        return 1, 1

    monkeypatch.setattr("nucleisplit.datasets.convert_labels", convert)
    assert run("convert", "a.tif", "b.tif").stderr == ""
    assert run("convert", "a.tif", "b.tif", "-v").stderr == "reading a.tif\na step\n"
    assert run("convert", "a.tif", "b.tif", "--debug").stderr == (
        "stage1_unet.somewhere: a detail\nnucleisplit.somewhere: a step\n"
    )


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "ascii"])
def test_names_that_the_terminal_cannot_show(labels, charset):
    name = "細胞 µ.tif"
    result = run("convert", "a.tif", name, charset=charset)
    assert result.exit_code == 0
    assert result.stdout.startswith("7 nuclei in 1 image: ")
    answer = run("convert", "a.tif", name, "--json", "--overwrite", charset=charset)
    assert json.loads(answer.stdout)["out"] == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\x1b[2Jb.tif", "a\\x1b[2Jb.tif"), ("a\nb.tif", "a b.tif"), ("a\udcffb", "a\\udcffb")],
)
def test_names_that_would_command_the_terminal(labels, name, shown):
    result = run("convert", name, "b.tif")
    assert result.stderr == f"nucleisplit: {shown}: does not exist; check the path\n"


START = """
import signal, sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == {name!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["nucleisplit", "evaluate", "nowhere", "nowhere"]
from nucleisplit.__main__ import run
run()
"""


@pytest.mark.parametrize(
    "name", ["click", "nucleisplit.cli.group", "nucleisplit.cli.evaluate", "nucleisplit.images"]
)
def test_ctrl_c_while_the_program_is_imported(name):
    heeded = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = heeded + START.format(name=name)  # whoever started the tests may ignore it
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"nucleisplit: interrupted\n")


def test_ctrl_c_stays_ignored_where_it_was():
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + START.format(
        name="click"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == 2 and b"nowhere" in done.stderr


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_wait_asleep_unless_told_otherwise(given):
    code = "import atexit, os; atexit.register(lambda: print(os.environ['OMP_WAIT_POLICY']))"
    env = {name: text for name, text in os.environ.items() if name != "OMP_WAIT_POLICY"}
    env |= {"OMP_WAIT_POLICY": given} if given else {}
    done = subprocess.run(
        [sys.executable, "-c", code + START.format(name="none")], capture_output=True, env=env
    )
    assert done.stdout.decode().split() == [given or "PASSIVE"]


PIPE = "import sys; from nucleisplit.cli.main import main; sys.argv[0] = 'nucleisplit'; main()"


def test_a_real_run_in_a_pipe_of_an_ascii_terminal(labels):
    words = ["convert", "ä.tif", "b.tif"]
    done = subprocess.run(
        [sys.executable, "-c", PIPE, *words],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "TERM": "xterm-256color"},
    )
    assert done.returncode == 2 and done.stdout == b""
    assert re.fullmatch(rb"nucleisplit: [ -~]+\.tif: does not exist; [ -~]+\n", done.stderr)
