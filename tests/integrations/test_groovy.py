"""The syntax of the scripts for QuPath; their classes are QuPath's, which is not here."""

import subprocess

import pytest

PARSE = """
def unit = new org.codehaus.groovy.control.CompilationUnit()
unit.addSource(new File(args[0]))
unit.compile(org.codehaus.groovy.control.Phases.CONVERSION)
"""


def parse(path) -> str:
    """What the compiler has to complain of, up to where it looks for classes."""
    done = subprocess.run(["groovy", "-e", PARSE, str(path)], capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["qupath", "import"])
def test_the_script_is_groovy(scripts, name):
    assert parse(scripts[name]) == ""


@pytest.mark.parametrize(("old", "new"), [("finally {", "finally"), ('say "', 'say " "')])
def test_an_error_would_be_seen(scripts, tmp_path, old, new):
    text = scripts["qupath"].read_text(encoding="utf-8")
    broken = tmp_path / "broken.groovy"
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert "startup failed" in parse(broken)
