"""The container: what is put into it is what setup.cfg asks for, less what it does without."""

import re

from packaging.requirements import Requirement

import nucleisplit
from nucleisplit.extras import TRAINING_LIBRARIES
from tests.packaging.test_conda import ROOT, setup_cfg

FOLDER = ROOT / "packaging/container"
CONTAINERFILE = (FOLDER / "Containerfile").read_text(encoding="utf-8")
APPTAINER = (FOLDER / "nucleisplit.def").read_text(encoding="utf-8")
TORCH = {"torch", "segmentation-models-pytorch"}
PYTHON = "3.12"


def test_it_holds_what_segmenting_needs():
    lines = setup_cfg()["options"]["install_requires"].strip().splitlines()
    wanted = {}
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        place = {"python_version": PYTHON, "platform_machine": "x86_64"}
        if marker is None or marker.evaluate(place):
            wanted[requirement.name] = str(requirement.specifier)
    text = (FOLDER / "requirements.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    held = {each.name: str(each.specifier) for each in map(Requirement, lines)}
    needless = TORCH | {*TRAINING_LIBRARIES}
    assert held == {name: wanted[name] for name in wanted.keys() - needless}


def test_it_does_not_run_as_root():
    last = CONTAINERFILE.rindex("FROM ")
    users = re.findall(r"^USER (\w+)$", CONTAINERFILE[last:], re.M)
    assert users == ["nuclei"] and "useradd --create-home nuclei" in CONTAINERFILE[last:]
    assert re.search(r'^ENTRYPOINT \["nucleisplit"\]$', CONTAINERFILE, re.M)


def test_both_are_made_alike():
    for text in (CONTAINERFILE, APPTAINER):
        assert text.count(f"python:{PYTHON}-slim") == text.count("slim")
        for step in ("libgomp1", "packaging/container/requirements.txt", "--no-deps", "cells_dim"):
            assert step in text
    assert f"-t nucleisplit:{nucleisplit.__version__} ." in CONTAINERFILE
