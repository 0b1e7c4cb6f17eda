import pytest
from click.testing import CliRunner

from nucleisplit import __version__
from nucleisplit.cli.main import COMMANDS, main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_help_lists_every_command():
    result = run("--help")
    assert result.exit_code == 0
    for name, (_, summary) in COMMANDS.items():
        assert name in result.output
        assert summary in result.output


def test_version():
    assert run("--version").output == f"nucleisplit, version {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"nucleisplit {name} " in result.output


def test_an_unknown_command_is_refused():
    result = run("infre")
    assert result.exit_code == 2
    assert "infre" in result.output


def test_an_error_is_one_line_and_debug_adds_the_traceback(tmp_path):
    missing = tmp_path / "nowhere.png"
    plain = run("infer", missing)
    assert plain.exit_code == 2
    assert plain.stderr == f"nucleisplit: {missing}: does not exist; check the path\n"
    loud = run("--debug", "infer", missing)
    assert "Traceback" in loud.stderr
    assert loud.stderr.endswith(plain.stderr)
