"""The module for nf-core: its script runs, and its files say what it does.

Nextflow is not here: what it would put into the script is put in by a few lines.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from PIL import Image

import nucleisplit

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "integrations/nf-core/nucleisplit/segment"
SCRIPT = (MODULE / "main.nf").read_text(encoding="utf-8")


def script_of(part, **values):
    """The shell script of ``script`` or ``stub`` as Nextflow would write it."""
    text = re.search(rf"{part}:.*?\"\"\"\n(.*?)\n    \"\"\"", SCRIPT, re.S).group(1)
    text = re.sub(r"(?<!\\)\$\{([a-z.]+)\}", lambda found: values[found.group(1)], text)
    assert not re.search(r"(?<!\\)\$", text)
    lines = re.sub(r"\\([$\\])", r"\1", text).splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines) + "\n"


@pytest.fixture
def work(tmp_path):
    """A folder as of a task, with the program on the PATH."""
    program = tmp_path / "bin" / "nucleisplit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nucleisplit "$@"\n')
    program.chmod(0o755)
    (tmp_path / "work").mkdir()

    def run(script):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        }
        command = ["bash", "-euo", "pipefail", "-c", script]
        folder = tmp_path / "work"
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    return tmp_path / "work", run


VALUES = {
    "task.cpus": "1",
    "task.process": "NUCLEISPLIT_SEGMENT",
    "prefix": "sample 1",
    "image": "a b.tif",
    "args": "--min-iou 0.1",
}


def check_versions(folder):
    versions = yaml.safe_load((folder / "versions.yml").read_text(encoding="utf-8"))
    assert versions == {"NUCLEISPLIT_SEGMENT": {"nucleisplit": nucleisplit.__version__}}


def test_the_script_segments(work):
    folder, run = work
    with Image.open(ROOT / "examples/images/cells_dim.png") as image:
        image.save(folder / "a b.tif")
        shape = image.size[::-1]
    done = run(script_of("script", **VALUES))
    assert done.returncode == 0, done.stderr
    mask = tifffile.imread(folder / "sample 1_mask.ome.tif")
    table = pd.read_csv(folder / "sample 1.csv")
    assert mask.shape == shape
    assert table["label"].tolist() == list(range(1, mask.max() + 1)) and mask.max() > 5
    assert np.bincount(mask.ravel())[1:].tolist() == table["area"].tolist()
    check_versions(folder)


def test_the_script_fails_with_the_program(work):
    folder, run = work
    (folder / "a b.tif").write_bytes(b"II*\0")
    done = run(script_of("script", **VALUES))
    assert done.returncode == 1 and "a b.tif: " in done.stderr
    assert not (folder / "versions.yml").exists()


def test_the_stub_makes_the_same_files(work):
    folder, run = work
    done = run(script_of("stub", **VALUES))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {
        "sample 1_mask.ome.tif",
        "sample 1.csv",
        "versions.yml",
    }
    check_versions(folder)


def test_its_files_agree():
    meta = yaml.safe_load((MODULE / "meta.yml").read_text(encoding="utf-8"))
    environment = yaml.safe_load((MODULE / "environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"] == [f"conda-forge::nucleisplit={nucleisplit.__version__}"]
    assert f'container "nucleisplit:{nucleisplit.__version__}"' in SCRIPT
    assert meta["name"].upper() == re.search(r"process (\w+)", SCRIPT).group(1)
    assert list(meta["output"]) == re.findall(r"emit: (\w+)", SCRIPT)
    (channel,) = meta["input"]
    assert [name for entry in channel for name in entry] == ["meta", "image"]
    test = (MODULE / "tests/main.nf.test").read_text(encoding="utf-8")
    assert f'process "{meta["name"].upper()}"' in test
