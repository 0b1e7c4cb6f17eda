"""The container: it runs as no root, and is made as for Apptainer."""

import re

import nucleisplit
from tests.packaging.test_conda import ROOT

FOLDER = ROOT / "packaging/container"
CONTAINERFILE = (FOLDER / "Containerfile").read_text(encoding="utf-8")
APPTAINER = (FOLDER / "nucleisplit.def").read_text(encoding="utf-8")
PYTHON = "3.12"


def test_it_does_not_run_as_root():
    last = CONTAINERFILE.rindex("FROM ")
    users = re.findall(r"^USER (\w+)$", CONTAINERFILE[last:], re.M)
    assert users == ["nuclei"] and "useradd --create-home nuclei" in CONTAINERFILE[last:]
    assert re.search(r'^ENTRYPOINT \["nucleisplit"\]$', CONTAINERFILE, re.M)


def test_both_are_made_alike():
    for text in (CONTAINERFILE, APPTAINER):
        assert text.count(f"python:{PYTHON}-slim") == text.count("slim")
        for step in ("pip install --no-cache-dir", "cells_dim"):
            assert step in text
    assert f"-t nucleisplit:{nucleisplit.__version__} ." in CONTAINERFILE
