"""The examples of docs/python.md run as they stand there, and its reference is what there is."""

import inspect
import re
import shutil
from importlib import import_module
from pathlib import Path

import pytest

import nucleisplit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of the page, each on the lines that it has there."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return ["\n" * PAGE[: match.start(1)].count("\n") + match[1] for match in found]


def reference() -> list[str]:
    """What the reference lists, each entry on one line."""
    (text,) = blocks("text")
    return re.sub(r"\n +", " ", text.strip()).splitlines()


def test_examples(tmp_path, monkeypatch):
    shutil.copy(ROOT / "examples/images/cells_sparse.png", tmp_path / "cells.png")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("python"):
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["result"].nuclei > 10
    assert names["volumes"].table["slices"].max() > 1


@pytest.mark.parametrize("entry", reference())
def test_reference(entry):
    """``module.name(arguments)`` has these arguments, and ``module.Class.name`` is there."""
    name, _, arguments = entry.partition("(")
    module, *path = re.fullmatch(r"([a-z_.]+)\.([A-Z]\w+|[a-z]\w+)(?:\.(\w+))?", name).groups()
    thing = getattr(import_module(module), path[0])
    if not arguments:
        assert path[1] in {*dir(thing), *getattr(thing, "__dataclass_fields__", ())}
        return
    if path[1]:
        thing = getattr(thing, path[1])
    real = inspect.signature(thing).parameters.values()
    bare = [p.replace(annotation=p.empty) for p in real if p.name != "self"]
    assert "(" + arguments == str(inspect.Signature(bare))


def test_reference_is_complete():
    listed = "\n".join(reference())
    missing = [name for name in nucleisplit.__all__ if f"nucleisplit.{name}" not in listed]
    assert missing == ["__version__"]
