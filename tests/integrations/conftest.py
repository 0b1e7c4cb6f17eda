"""Which of the programs are here to run the scripts in; CI installs them, see .ci/run."""

import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
JARS = [Path("/usr/share/java", name) for name in ("jython.jar", "ij.jar")]  # where Debian has them

collect_ignore = ["drive_imagej.py"]
if not shutil.which("groovy"):
    collect_ignore += ["test_groovy.py", "test_import_nuclei.py"]
if not (shutil.which("xvfb-run") and all(jar.is_file() for jar in JARS)):
    collect_ignore.append("test_imagej.py")


@pytest.fixture(scope="session")
def scripts() -> dict[str, Path]:
    folder = ROOT / "integrations"
    return {
        "fiji": folder / "fiji/nucleisplit.py",
        "qupath": folder / "qupath/nucleisplit.groovy",
        "import": folder / "qupath/import_nuclei.groovy",
    }


@pytest.fixture
def fiji(scripts) -> SimpleNamespace:
    """The names that the script for Fiji defines."""
    return SimpleNamespace(**runpy.run_path(str(scripts["fiji"])))
