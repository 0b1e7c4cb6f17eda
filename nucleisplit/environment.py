"""What nucleisplit finds where it is installed: versions, processor, devices, backends, caches."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

import nucleisplit
from nucleisplit.extras import missing_libraries

__all__ = ["describe_environment"]

_PACKAGE = Path(nucleisplit.__file__).parent
_FOR_MAKERS = {"browser", "dev", "docs", "test"}
"""Extras of no use to those who only run the program."""
_INSTRUCTIONS = (
    "avx2 avx512_f avx512_vnni avx_vnni avx512_bf16 amx_bf16 amx_int8 neon sve i8mm bf16".split()
)
"""Those that decide how fast networks are, and in which precision, as torch calls them."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux tells how much memory a container or a job may take."""


def describe_environment() -> dict[str, Any]:
    """Collect what can be told of this installation, as plain values.

    Returns
    -------
    dict
        Name of each part -> dict of what it holds, or None where it cannot be told, since a
        library is broken or the bundled model is damaged; and ``problems``, a list with a line for
        each such part and for each library that is missing.
    """
    parts = {
        "program": _program,
        "processor": _processor,
        "devices": _devices,
        "backends": _backends,
        "libraries": _libraries,
        "caches": _caches,
    }
    tried = {name: _attempt(tell) for name, tell in parts.items()}
    content = {name: told for name, (told, _) in tried.items()}
    problems = [f"{name}: {problem}" for name, (_, problem) in tried.items() if problem]
    needed = (content["libraries"] or {}).get("needed", {})
    problems += [f"{name} is not installed" for name, found in needed.items() if not found]
    return content | {"problems": problems}


def _attempt(tell: Callable[[], Any]) -> tuple[Any, str]:
    """Return what a function tells, or None, and what went wrong."""
    try:
        return tell(), ""
    except Exception as error:  # a broken library may raise anything
        return None, " ".join(str(error).split()) or type(error).__name__


def _program() -> dict[str, str]:
    return {
        "version": nucleisplit.__version__,
        "folder": str(_PACKAGE),
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
    }


def _processor() -> dict[str, Any]:
    """Cores and memory (GiB) are those that this process may use; None where that is unknown."""
    info = _text("/proc/cpuinfo").partition("model name")[2]
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    limits = [int(text) for text in map(_text, _LIMITS) if text.isdecimal()]
    if hasattr(os, "sysconf"):  # not on Windows
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return {
        "name": info.partition("\n")[0].strip(" \t:") or platform.processor(),
        "machine": platform.machine(),
        "cores": len(usable),
        "memory": round(min(limits) / 2**30, 1) if limits else None,
        "instructions": _attempt(_instructions)[0],
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _instructions() -> list[str]:
    from stage1_unet import list_instructions

    known = list_instructions()
    return [name for name in _INSTRUCTIONS if name in known]


def _devices() -> dict[str, str]:
    if missing_libraries("torch"):
        return {"cpu": "the only one without torch"}
    import torch

    threads = torch.get_num_threads()
    devices = {"cpu": f"{threads} thread" + "s" * (threads > 1)}
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        devices[f"cuda:{index}"] = f"{about.name}, {about.total_memory / 2**30:.1f} GiB"
    return devices | ({"mps": "Apple GPU"} if torch.backends.mps.is_available() else {})


def _backends() -> dict[str, str]:
    """Try every backend on the bundled model: what ``auto`` takes, and why others do not work."""
    from nucleisplit.model import load_bundle
    from stage1_unet import BACKENDS, Predictor

    bundle = load_bundle("default")
    networks, weights = bundle.network_files(), bundle.manifest.weights or None
    found = {}
    for name in BACKENDS:
        device = "auto" if name in ("auto", "torch") else "cpu"
        wanted = (bundle.config.predict, device, weights, name)
        chosen, problem = _attempt(
            partial(Predictor, networks, *wanted, quantized=bundle.quantized)
        )
        found[name] = problem or (
            "works" if name != "auto" else f"{chosen.backend.name} on {chosen.device}"
        )
    return found


def _libraries() -> dict[str, dict[str, str | None]]:
    """Versions of what is needed, and of what each extra adds; None of what is missing."""
    try:
        names = metadata("nucleisplit").get_all("Provides-Extra") or []
    except PackageNotFoundError:  # a bare folder
        names = []
    extras = sorted(set(names) - _FOR_MAKERS)
    return {name or "needed": _needed("nucleisplit", name) for name in ["", *extras]}


def _needed(package: str, extra: str = "") -> dict[str, str | None]:
    """Versions of what a package, or an extra of it, needs on this system."""
    try:
        lines = requires(package) or []
    except PackageNotFoundError:
        return {}
    found: dict[str, str | None] = {}
    for need in map(Requirement, lines):
        wanted = [need.marker is None or need.marker.evaluate({"extra": e}) for e in (extra, "")]
        if wanted == [True, not extra]:
            found[need.name] = _version(need.name)
            for inner in need.extras:
                found |= _needed(need.name, inner)
    return dict(sorted(found.items()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _caches() -> dict[str, str]:
    """Folders, or a pattern of them, in which something is kept between runs."""
    from nucleisplit.model import cache_folders

    chosen = os.environ.get("NUMBA_CACHE_DIR")
    homes = [Path(chosen)] if chosen else [_PACKAGE, _PACKAGE.with_name("stage2_trees")]
    found = {}
    for home in homes:
        path = home if chosen else home / "**" / "__pycache__"
        found[str(path)] = f"{_megabytes(home, '*.nb[ci]')} of code compiled by numba"
    for manifest in (_PACKAGE / "models").glob("*/manifest.json"):
        for folder in cache_folders(manifest.parent):
            found[str(folder)] = f"{_megabytes(folder, '*')} of networks for OpenVINO"
    return found


def _megabytes(folder: Path, pattern: str) -> str:
    size = sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())
    return f"{size / 1e6:.1f} MB"
