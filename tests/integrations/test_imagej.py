"""The script for Fiji in Jython and ImageJ, on a virtual screen."""

import json
import os
import subprocess
import sys
from pathlib import Path

JARS = "/usr/share/java/jython.jar:/usr/share/java/ij.jar"
HERE = Path(__file__).parent


def test_in_imagej(scripts, tmp_path):
    image = HERE.parents[1] / "examples/images/cells_sparse.png"
    words = ["xvfb-run", "-a", "java", f"-Duser.home={tmp_path}", "-cp", JARS]
    words += ["org.python.util.jython", HERE / "drive_imagej.py", scripts["fiji"], image]
    program = str(Path(sys.executable).with_name("nucleisplit"))
    done = subprocess.run(
        [str(word) for word in words],
        env=os.environ | {"NUCLEISPLIT": program},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    *images, last = [json.loads(line) for line in done.stdout.splitlines()]
    gray, colour, deep = images
    for found in images:
        assert found["regions"] == found["rows"] > 10
        assert int(found["name"]) == found["rows"]
        assert found["pixels"] == found["area"]
    assert [found["slice"] for found in images] == [0, 0, 2]
    assert [found["image"] for found in images] == [
        "cells_sparse.tif",
        "colour.tif",
        "deep_stack.tif",
    ]
    assert last["problem"].startswith(
        "nucleisplit: not found as /nowhere/nucleisplit; install nucleisplit"
    )
