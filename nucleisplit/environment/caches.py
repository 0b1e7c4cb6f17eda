"""Folders in which something is kept between runs; they can be removed at any time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nucleisplit
from nucleisplit.model import cache_folders

__all__ = ["describe_caches"]

_PACKAGE = Path(nucleisplit.__file__).parent
_COMPILED = (".nbc", ".nbi")
"""Endings of the files that numba keeps."""


def describe_caches() -> list[dict[str, Any]]:
    """List them: ``path``, which may be a pattern, ``content``, whether it ``exists``, ``bytes``.

    Only what numba keeps is counted of the folders that it shares with Python.
    """
    entries = []
    for pattern, above in _numba_folders():
        files = [path for path in above.rglob("*") if path.suffix in _COMPILED]
        entries.append(_entry(pattern, "code compiled by numba", bool(files), files))
    for manifest in sorted((_PACKAGE / "models").glob("*/manifest.json")):
        content = f"networks of {manifest.parent.name} for OpenVINO"
        for folder in cache_folders(manifest.parent):
            files = [path for path in folder.rglob("*") if path.is_file()]
            entries.append(_entry(folder, content, folder.exists(), files))
    return entries


def _numba_folders() -> list[tuple[Path, Path]]:
    """Where numba keeps our functions, beside them unless told otherwise: pattern, folder above."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return [(Path(chosen), Path(chosen))]
    packages = (_PACKAGE, _PACKAGE.with_name("stage2_trees"))
    return [(package / "**" / "__pycache__", package) for package in packages]


def _entry(path: Path, content: str, exists: bool, files: list[Path]) -> dict[str, Any]:
    size = sum(file.stat().st_size for file in files)
    return {"path": str(path), "content": content, "exists": exists, "bytes": size}
