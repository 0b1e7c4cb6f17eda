import click
import numba
import pytest
from click.testing import CliRunner

from nucleisplit.cli import compiling


@pytest.mark.parametrize(("seconds", "notices"), [(0.1, 0), (2.0, 1)])
def test_long_compiling_is_said_once(monkeypatch, seconds, notices):
    now = [0.0]

    def clock():
        now[0] += seconds
        return now[0]

    monkeypatch.setattr(compiling.time, "monotonic", clock)

    @click.command()
    def work():
        compiling.note_compiling()
        for _ in range(3):
            numba.njit(lambda x: x + 1)(1)

    result = CliRunner().invoke(work)
    assert result.exit_code == 0 and result.stdout == ""
    assert result.stderr.count("compiling numerical kernels") == notices
    numba.njit(lambda x: x + 2)(1)  # after the command nobody listens
