"""The notebooks run as they stand, and are the same as scripts and as what Colab opens."""

import os
import runpy
from pathlib import Path

import jupytext
import matplotlib
import numpy as np
import pytest

from nucleisplit.labels import read_geojson

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples/notebooks").glob("*.py"))


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a notebook in an empty folder; its names."""
    monkeypatch.chdir(tmp_path)
    path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", path)
    matplotlib.use("Agg")
    return lambda name: runpy.run_path(str(ROOT / "examples/notebooks" / name))


def test_first_look(run):
    names = run("first_look.py")
    result = names["result"]
    assert 58 <= result.nuclei <= 68
    assert np.array_equal(read_geojson("cells.geojson"), result.labels)


def test_corrections(run):
    names = run("corrections.py")
    assert Path("mine/manifest.json").is_file()
    assert 0 < names["before"] < names["after"] + 0.02
    assert "mAP" in names["done"].stdout


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_is_the_script(script):
    cells, again = (
        [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
        for path in (script, script.with_suffix(".ipynb"))
    )
    assert cells == again, f"jupytext --to ipynb {script}"
    notebook = jupytext.read(script.with_suffix(".ipynb"))
    assert not any(cell.get("outputs") for cell in notebook.cells)
