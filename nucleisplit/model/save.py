"""Write models: new ones, and others with one part changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nucleisplit import __version__
from nucleisplit.config import ClassesConfig, RunConfig
from nucleisplit.errors import BundleError
from nucleisplit.files import put
from stage1_unet import NetworkConfig
from stage2_trees import IoURegressor, NucleusClassifier

from .bundle import CLASSES, TREES, Bundle, load_bundle, sha256
from .manifest import FORMAT, MANIFEST, Manifest

_LIBRARIES = ("torch", "segmentation-models-pytorch", "lightgbm", "scikit-image", "numpy")


def save_bundle(
    folder: str | Path,
    *,
    networks: Sequence[tuple[Any, NetworkConfig] | str | Path],
    regressor: IoURegressor,
    config: RunConfig,
    fingerprint: str,
    scores: dict,
    classifier: NucleusClassifier | None = None,
    colors: Mapping[str, str] | None = None,
    weights: Sequence[float] = (),
    overwrite: bool = False,
) -> Bundle:
    """Write a model folder; it appears whole or not at all.

    Parameters
    ----------
    folder
        The model folder. Its parents are made.
    networks
        Each a network with its config, or the path of a file that `save_network` wrote.
    regressor
        The fitted trees.
    config
        The settings of the run.
    fingerprint
        Of the training data.
    scores
        Plain types only; kept in the manifest and shown in the results page.
    classifier
        What tells the classes of nuclei, if anything does.
    colors
        ``#rrggbb`` by class; others, of no class, are left out.
    weights
        How much each network counts when their maps are averaged; empty: all alike.
    overwrite
        Replace an existing model; a folder that is not a model is never replaced.

    Raises
    ------
    BundleError
        The folder exists and may not be replaced, or cannot be written.
    """
    folder = Path(folder)
    check_replaceable(folder, overwrite)

    def make(fresh: Path) -> None:
        names = _write_networks(fresh, networks)
        regressor.save(fresh / TREES)
        if classifier is not None:
            classifier.save(fresh / CLASSES)
        manifest = Manifest(
            format=FORMAT,
            nucleisplit=__version__,
            libraries=_library_versions(),
            config=config.to_dict(),
            data=fingerprint,
            scores=json.loads(json.dumps(scores)),
            networks=names,
            weights=tuple(weights),
            classes=classifier.classes if classifier else (),
            class_colors=_own_colors(classifier, colors),
            files={},
        )
        _write_manifest(fresh, manifest)

    return build_folder(folder, make)


def add_quantized(
    bundle: Bundle, write: Callable[[Path], Sequence[str]], check: Callable[[Bundle], dict]
) -> Bundle:
    """Give a model its networks in int8; its folder changes as a whole or not at all.

    Parameters
    ----------
    bundle
        The model.
    write
        Writes a file for each network into the folder it is given, and returns their names.
    check
        Called with the new model before it takes the place of the old one, which stays when this
        raises; returns the scores that the manifest keeps as ``int8``.

    Raises
    ------
    BundleError
        The folder cannot be written.
    """

    def make(fresh: Path) -> None:
        manifest = bundle.manifest
        copy_files(bundle, fresh, {*manifest.files} - {*manifest.quantized})
        manifest = manifest.model_copy(update={"quantized": tuple(write(fresh))})
        _write_manifest(fresh, manifest)
        scores = manifest.scores | {"int8": check(load_bundle(fresh))}
        _write_manifest(fresh, manifest.model_copy(update={"scores": scores}))

    return build_folder(bundle.path.resolve(), make)


def save_adapted(
    folder: str | Path,
    bundle: Bundle,
    regressor: IoURegressor,
    scores: dict,
    overwrite: bool = False,
) -> Bundle:
    """Write a model with the networks of another and trees that have learnt more.

    Parameters
    ----------
    folder
        Of the new model, not that of the other.
    bundle
        The other model.
    regressor
        The trees.
    scores
        On the images that they have learnt from, which the manifest keeps as ``added``.
    overwrite
        Replace an existing model; a folder that is not a model is never replaced.

    Raises
    ------
    BundleError
        The folder exists and may not be replaced, or cannot be written.
    """
    update = {"scores": _with_scores(bundle, "added", scores), "base": bundle.fingerprint}
    return _save_changed(folder, bundle, TREES, regressor.save, update, overwrite)


def save_classified(
    folder: str | Path,
    bundle: Bundle,
    classifier: NucleusClassifier,
    scores: dict,
    limits: ClassesConfig,
    overwrite: bool = False,
    colors: Mapping[str, str] | None = None,
) -> Bundle:
    """Write a model that is another one with a classifier of nuclei; parameters as `save_adapted`.

    `scores` are kept in the manifest as ``classes``; a classifier that was there is replaced, and
    so are the settings of which classes to drop. `colors` are as of `save_bundle`.
    """
    config = bundle.config.model_copy(update={"classes": limits})
    update = {
        "scores": _with_scores(bundle, "classes", scores),
        "classes": classifier.classes,
        "class_colors": _own_colors(classifier, colors),
        "config": config.to_dict(),
    }
    return _save_changed(folder, bundle, CLASSES, classifier.save, update, overwrite)


def _own_colors(
    classifier: NucleusClassifier | None, colors: Mapping[str, str] | None
) -> dict[str, str]:
    classes = classifier.classes if classifier else ()
    return {name: colour for name, colour in (colors or {}).items() if name in classes}


def _with_scores(bundle: Bundle, name: str, scores: dict) -> dict:
    return bundle.manifest.scores | {name: json.loads(json.dumps(scores))}


def _save_changed(
    folder: str | Path,
    bundle: Bundle,
    part: str,
    save: Callable[[Path], object],
    update: dict,
    overwrite: bool,
) -> Bundle:
    """Write a model that is another one but for the folder `part`, which `save` writes."""
    folder = Path(folder)
    check_replaceable(folder, overwrite)
    if folder.resolve() == bundle.path.resolve():
        raise BundleError(f"{folder}: is the model itself", hint="choose another folder")

    def make(fresh: Path) -> None:
        names = [name for name in bundle.manifest.files if not name.startswith(f"{part}/")]
        copy_files(bundle, fresh, names)
        save(fresh / part)
        update["nucleisplit"] = __version__
        _write_manifest(fresh, bundle.manifest.model_copy(update=update))

    return build_folder(folder, make)


def build_folder(folder: Path, make: Callable[[Path], None]) -> Bundle:
    """Have a model folder made beside its place, and put it there when it is whole."""
    fresh = folder.with_name(f".{folder.name}.writing-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        make(fresh)
        put(fresh, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return load_bundle(folder.absolute())


def copy_files(bundle: Bundle, fresh: Path, names: Iterable[str]) -> None:
    """Copy files of a model."""
    for name in names:
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle.path / name, fresh / name)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a folder, with the hashes of the files that lie there."""
    files = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }
    manifest = manifest.model_copy(update={"files": files})
    content = manifest.to_dict() | {"fingerprint": manifest.fingerprint}
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _unwritable(folder: Path, error: OSError) -> BundleError:
    return BundleError(
        f"{folder}: cannot be written: {error.strerror or error}",
        hint="choose another folder or free the disk",
    )


def check_replaceable(folder: Path, overwrite: bool) -> None:
    """Refuse to write a model over an existing one, or ever over something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder}: exists and is not a model", hint="choose another folder")
    if not overwrite:
        raise BundleError(f"{folder}: exists", hint="choose another folder or add --overwrite")


def _write_networks(fresh: Path, networks: Sequence) -> tuple[str, ...]:
    from stage1_unet import save_network

    names = []
    for index, network in enumerate(networks):
        name = "network.safetensors" if len(networks) == 1 else f"network-{index}.safetensors"
        if isinstance(network, (str, Path)):
            shutil.copyfile(network, fresh / name)
        else:
            save_network(fresh / name, *network)
        names.append(name)
    return tuple(names)


def _library_versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
