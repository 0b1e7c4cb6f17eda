import click
import pytest
from click.testing import CliRunner

from nucleisplit.cli.options import parse_limits


@click.command()
@click.option("--min", "limits", multiple=True, callback=parse_limits(click.IntRange(0)))
def command(limits):
    click.echo(repr(limits))


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ([], "(0, {})"),
        (["--min", "30"], "(30, {})"),
        (["--min", "a=40", "--min", "30", "--min", "a=b=50"], "(30, {'a': 40, 'a=b': 50})"),
    ],
)
def test_limits_for_all_and_for_classes(words, answer):
    assert CliRunner().invoke(command, words).output == answer + "\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--min", "a=-1"], "-1 is not in the range"),
        (["--min", "a=some"], "'some' is not a valid integer"),
        (["--min", "=3"], "'=3' names no class"),
        (["--min", "a=3", "--min", "a=4"], "is given twice for a"),
        (["--min", "3", "--min", "4"], "is given twice for all nuclei"),
    ],
)
def test_limits_that_are_none(words, message):
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 2 and message in result.output
