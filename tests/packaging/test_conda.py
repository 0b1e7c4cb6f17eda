"""The recipe for conda-forge names what setup.cfg names, no more and no less."""

import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from PIL import Image

import nucleisplit
from nucleisplit.extras import TRAINING_LIBRARIES

ROOT = Path(__file__).parents[2]
RECIPE = yaml.safe_load((ROOT / "packaging/conda/recipe/recipe.yaml").read_text(encoding="utf-8"))
PLAIN, TRAIN = RECIPE["outputs"]
CALLED = {  # by conda, where it differs from PyPI
    "opencv-python-headless": "py-opencv",
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
}


def setup_cfg():
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def wanted(lines, machine):
    """The lowest version of each library that setup.cfg allows on a processor."""
    found = {}
    for requirement in map(Requirement, lines.strip().splitlines()):
        if "platform_machine" in str(requirement.marker) and not requirement.marker.evaluate(
            {"platform_machine": machine}
        ):
            continue
        (bound,) = requirement.specifier
        assert bound.operator == ">="
        name = CALLED.get(requirement.name, requirement.name)
        found[name] = min(found.get(name, Version("9999")), Version(bound.version))
    return found


def held(output, machine):
    """Name and lowest version of what a package of the recipe asks for on a processor."""
    lines = [
        line if isinstance(line, str) else line["then" if machine == line["if"] else "else"]
        for line in output["requirements"]["run"]
    ]
    pairs = (line.split(" >=") for line in lines if " >=" in line)
    return {name: Version(version) for name, version in pairs if name != "python"}


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_the_recipe_has_the_dependencies_of_setup_cfg(machine):
    config = setup_cfg()
    assert held(PLAIN, machine) == wanted(config["options"]["install_requires"], machine)
    extra = config["options.extras_require"]["train"]
    assert held(TRAIN, machine) == wanted(extra, machine)
    assert TRAIN["requirements"]["run"][0] == "nucleisplit ==${{ version }}"
    names = {name.replace("_", "-") for name in TRAINING_LIBRARIES}
    assert set(held(TRAIN, machine)) == {CALLED.get(name, name) for name in names}


def test_versions_are_the_same_everywhere():
    context = RECIPE["context"]
    assert context["version"] == nucleisplit.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == nucleisplit.__version__
    config = setup_cfg()
    assert config["options"]["python_requires"] == f">={context['python_min']}"
    entry = config["options.entry_points"]["console_scripts"].strip()
    assert PLAIN["build"]["python"]["entry_points"] == [entry]


BLOCK = f"""
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {TRAINING_LIBRARIES!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from nucleisplit.__main__ import run
run()
"""


@pytest.fixture
def plain():
    """Run the program as `conda install nucleisplit` has it, without what training needs."""

    def run(*words):
        command = [sys.executable, "-c", BLOCK, *map(str, words)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run


def test_the_plain_package_segments(plain, tmp_path):
    image = ROOT / "examples/images/cells_dim.png"
    done = plain("infer", image, "--out", tmp_path / "out", "--backend", "openvino-int8")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "nuclei.csv").stat().st_size > 500


def test_the_plain_package_says_what_training_needs(plain, tmp_path):
    square = np.pad(np.full((20, 20), 1, np.uint8), 20)
    for folder, image in (("images", square * 200), ("labels", square)):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(image).save(tmp_path / f"data/{folder}/{number}.png")
    done = plain("train-unet", tmp_path / "data", "--folds", 2)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("nucleisplit: not installed: ") and last.endswith('[train]"')
