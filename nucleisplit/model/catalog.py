"""What models there are, and what each of them is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nucleisplit.errors import BundleError, NucleisplitError
from nucleisplit.extras import missing_libraries

from .bundle import MODELS, Bundle, added_models, load_bundle
from .manifest import MANIFEST

__all__ = ["describe_model", "list_models"]


def list_models(folders: Sequence[str | Path] = ()) -> list[dict[str, Any]]:
    """Describe the bundled models, those that were added, and those in folders.

    Parameters
    ----------
    folders
        Each a model, or a folder with models directly in it.

    Returns
    -------
    list of dict
        As `describe_model` returns them, in that order. A folder without a model is an
        entry with an ``error``.
    """
    named = [*_manifests(MODELS), *_manifests(added_models())]
    entries = [describe_model(path.parent, path.parent.name) for path in named]
    for folder in map(Path, folders):
        inner = [] if _is_model(folder) else _manifests(folder)
        entries += [describe_model(path.parent) for path in inner] or [describe_model(folder)]
    return entries


def describe_model(folder: str | Path, name: str | None = None) -> dict[str, Any]:
    """Describe one model in plain values; of one that cannot be used, the ``error`` says why.

    Parameters
    ----------
    folder
        Of the model; every file in it is checked, and the networks and trees are loaded.
    name
        What it is called; by default its folder.
    """
    folder = Path(folder)
    entry = {"name": name or str(folder), "path": str(folder.absolute())}
    try:
        return entry | _describe(_load(folder)) | {"error": None}
    except NucleisplitError as error:
        return entry | {"error": str(error)}
    except (AttributeError, KeyError, TypeError):
        return entry | {"error": f"{folder}: its scores are damaged; copy the model folder again"}
    except OSError as error:
        return entry | {"error": f"{error.filename or folder}: {error.strerror}; check permissions"}


def _load(folder: Path) -> Bundle:
    if not folder.is_dir():
        raise BundleError(f"{folder}: is no folder", hint="check the path")
    if not _is_model(folder):
        raise BundleError(
            f"{folder}: holds no model", hint="give a folder written by nucleisplit train-trees"
        )
    bundle = load_bundle(folder.absolute())
    bundle.network_files()
    if not missing_libraries("torch"):
        bundle.networks()
    bundle.regressor()
    return bundle


def _describe(bundle: Bundle) -> dict[str, Any]:
    manifest, network = bundle.manifest, bundle.config.network
    kind = network.architecture
    if not network.is_ours:
        kind = f"{kind} {network.encoder}"
    trees = manifest.scores.get("methods", {}).get("trees", {})
    # Of a run by kind, every image has maps out of kind, but not every one has some in kind.
    every = manifest.scores.get("out_of_kind", {}).get("methods", {}).get("trees", trees)
    overall = every.get("overall", {})
    groups = {name: group["images"] for name, group in every.get("kinds", {}).items()}
    return {
        "fingerprint": bundle.fingerprint,
        "bytes": sum((bundle.path / name).stat().st_size for name in manifest.files),
        "nucleisplit": manifest.nucleisplit,
        "base": manifest.to_dict().get("base"),
        "architecture": kind,
        "networks": len(manifest.networks),
        "channels": list(network.channels),
        "precisions": ["float32", *(["int8"] if manifest.quantized else [])],
        "tta": bundle.config.predict.tta,
        "training": {
            "fingerprint": manifest.data,
            "images": _known(overall, "images", int),
            "nuclei": _known(overall, "true_count", int),
            "kinds": groups,
        },
        "map": _known(trees.get("overall", {}), "map", float),
        "int8": manifest.scores.get("int8"),
    }


def _known(scores: dict, name: str, kind: type) -> Any:
    """Return a score; None where there is none, `TypeError` for what is none."""
    value = scores.get(name)
    if value is not None and type(value) not in (kind, int):
        raise TypeError(f"{name} is {value!r}")
    return value


def _is_model(folder: Path) -> bool:
    return (folder / MANIFEST).exists()


def _manifests(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*/{MANIFEST}") if path.parent.name[0] != ".")
