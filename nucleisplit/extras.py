"""How to add what is optional, for the way in which nucleisplit was installed here."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

__all__ = ["TRAINING_LIBRARIES", "install_command", "missing_libraries", "training_command"]

TRAINING_LIBRARIES = (
    *("albumentations", "lightgbm", "lightning", "matplotlib"),
    *("segmentation_models_pytorch", "tensorboard", "torch"),
)
"""What the extra ``train`` brings: for training, and for networks computed by torch."""

_RECORD = "direct_url.json"
"""Where pip notes what it installed from, unless that was an index of packages (PEP 610)."""


def install_command(extra: str) -> str:
    """Return the command that installs an extra, quoted as every shell takes it.

    From a copy of the repository it names that folder, or ``.`` where that is the current one;
    from a repository or file elsewhere its address; else the name of the package.

    Parameters
    ----------
    extra : str
        Such as ``napari``, see setup.cfg.
    """
    # A copy from which it was built holds a description as well, which may come first.
    records = [found.read_text(_RECORD) for found in distributions(name="nucleisplit")]
    if not records:  # run from a folder that was never installed
        records = [json.dumps({"url": Path(__file__).parents[1].as_uri(), "dir_info": {}})]
    record = json.loads(next(filter(None, records), "{}"))
    return f"{_pip()} install {_source(record, extra)}"


def training_command() -> str:
    """Return the command that installs what training needs, and networks computed by torch."""
    if (Path(sys.prefix) / "conda-meta").is_dir():
        return "conda install nucleisplit-train"
    return install_command("train")


def missing_libraries(*names: str) -> list[str]:
    """Return those of some libraries that are not installed; none of them is imported."""
    return [name for name in names if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):  # the package it is in is missing; it was blocked
        return False


def _source(record: dict, extra: str) -> str:
    """What pip is to install; `record` is that of PEP 610, empty for an index."""
    url = record.get("url", "")
    if "dir_info" in record:
        folder = Path(url2pathname(unquote(urlsplit(url).path)))
        here = folder == Path.cwd() or not folder.is_dir()
        flag = "-e " if record["dir_info"].get("editable") else ""
        return f'{flag}"{"." if here else folder}[{extra}]"'
    if url:
        kind = record.get("vcs_info", {}).get("vcs")
        return f'"nucleisplit[{extra}] @ {f"{kind}+" if kind else ""}{url}"'
    return f'"nucleisplit[{extra}]"'


def _pip() -> str:
    """The pip of this Python, which is not always the one that a shell finds."""
    found = shutil.which("pip")
    if found and Path(found).parent == Path(sys.executable).parent:
        return "pip"
    return f'"{sys.executable}" -m pip' if " " in sys.executable else f"{sys.executable} -m pip"
