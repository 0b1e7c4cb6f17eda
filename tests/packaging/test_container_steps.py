"""The steps that fill the container, in a fresh environment: only in .ci/run, as they install."""

import os
import re
import shutil
import subprocess

import pandas as pd

from tests.packaging.test_conda import ROOT
from tests.packaging.test_container import CONTAINERFILE

HOME = "/opt/nucleisplit"
_MOST = 1_350_000_000
"""Bytes: with the base image, below 1.5 GB."""
_OF_THE_IMAGE = ("apt-get", "useradd", "rm -r", "chmod")
"""Beginnings of commands that change what is outside the environment."""


def commands():
    """What RUN runs, one command each."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.M).replace("\\\n", " ")
    lines = re.findall(r"^RUN (.*)$", text, re.M)
    found = [part.strip() for line in lines for part in line.split("&&")]
    return [command for command in found if not command.startswith(_OF_THE_IMAGE)]


def test_the_steps_make_a_program_that_segments(tmp_path):
    home, source = tmp_path / "home", tmp_path / "source"
    files = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        listed = subprocess.run(files, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    else:
        ignore = shutil.ignore_patterns(".venv", "build", "__pycache__")
        shutil.copytree(ROOT, source, ignore=ignore)
    (tmp_path / "smoke").mkdir()
    shutil.copy(ROOT / "examples/images/cells_dim.png", tmp_path / "smoke")
    environment = {
        **os.environ,
        "PATH": f"{home}/bin{os.pathsep}{os.environ['PATH']}",
        "NUMBA_CACHE_DIR": f"{home}/cache",
        "XDG_CACHE_HOME": f"{home}/cache",
    }
    for name in ("PYTHONPATH", "PIP_CONSTRAINT"):
        environment.pop(name, None)
    steps = commands()
    assert len(steps) == 4
    for command in steps:
        command = command.replace(HOME, str(home)).replace("/tmp/smoke", str(tmp_path / "smoke"))
        done = subprocess.run(
            ["bash", "-c", command], cwd=source, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert len(pd.read_csv(tmp_path / "smoke/out/nuclei.csv")) > 5
    size = sum(path.lstat().st_size for path in home.rglob("*") if path.is_file())
    assert size < _MOST, f"{size} bytes"
    # No compiler is asked again; models of one's own in float32 would need torch, and it is said.
    program = [f"{home}/bin/nucleisplit", "infer", str(tmp_path / "smoke/cells_dim.png")]
    for more, code in (([], 0), (["--backend", "torch"], 2)):
        command = [*program, "--out", str(tmp_path / "again"), "--overwrite", *more]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert "compiling" not in done.stderr
    assert "it needs torch, which cannot be imported" in done.stderr
