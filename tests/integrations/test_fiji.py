import ast

import pytest


def test_command(fiji, monkeypatch):
    monkeypatch.setenv("NUCLEISPLIT", "/opt/bin/nucleisplit")
    words = fiji.command("a b.tif", "out")
    assert words[:5] == ["/opt/bin/nucleisplit", "infer", "a b.tif", "--out", "out"]
    monkeypatch.delenv("NUCLEISPLIT")
    assert fiji.program() == "nucleisplit"


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["nucleisplit: a.tif: is empty; copy it again", "1 of 1 images failed"], "nucleisplit: a"),
        (["Usage: nucleisplit infer ...", "", "Error: No such option: --mini"], "Error: No such"),
        (["Killed", ""], "Killed"),
        ([], "nucleisplit failed and did not say why"),
    ],
)
def test_what_went_wrong_is_one_line(fiji, lines, line):
    assert fiji.problem_of(lines).startswith(line)


@pytest.mark.parametrize(
    ("title", "name"),
    [("a.b c.tif", "a_b_c"), ("slide/5: DAPI", "slide_5_DAPI"), ("π.tif", "image"), ("", "image")],
)
def test_a_title_becomes_a_file_name(fiji, title, name):
    assert fiji.name_of(title) == name


def test_the_script_is_python_2_too(scripts):
    """Jython is Python 2.7: none of the syntax that came later, and ASCII only."""
    text = scripts["fiji"].read_text(encoding="ascii")
    later = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Nonlocal)
    for node in ast.walk(ast.parse(text)):
        assert not isinstance(node, later), node.lineno
        if isinstance(node, ast.FunctionDef):
            hints = [a.annotation for a in node.args.args] + [node.returns]
            assert not node.args.kwonlyargs and not any(hints), node.lineno
        if isinstance(node, ast.Raise):
            assert node.cause is None, node.lineno
