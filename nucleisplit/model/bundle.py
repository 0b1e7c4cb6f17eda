"""A model as a folder: manifest, network weights and trees, each file known by its SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from platformdirs import user_data_path

from nucleisplit.config import RunConfig, validated
from nucleisplit.errors import BundleError, ConfigError
from nucleisplit.palette import Color, class_colors
from stage2_trees import IoURegressor, NucleusClassifier

from .manifest import MANIFEST, Manifest, read_manifest

MODELS = Path(__file__).parents[1] / "models"
"""Where the bundled models lie, one folder each."""

TREES, TABLE, CLASSES = "trees", "regressor.json", "classes"
"""Folder of the trees, its list of files, and folder of the classifier."""
_LONGEST = 200
"""Characters of the name of a file."""


@dataclass(frozen=True)
class Bundle:
    """A checked model folder; the heavy parts are loaded on request."""

    path: Path
    manifest: Manifest
    config: RunConfig

    @property
    def fingerprint(self) -> str:
        """The identity of the model: it changes with any weight, setting or score."""
        return self.manifest.fingerprint

    def networks(self) -> list:
        """The networks, in evaluation mode, on the CPU."""
        from stage1_unet import load_network

        return [_load(load_network, self.path / name) for name in self.manifest.networks]

    def network_files(self) -> list:
        """The files of the networks: what computes needs, if it needs more than ``quantized``."""
        from stage1_unet import NetworkFile

        return [_load(NetworkFile, self.path / name) for name in self.manifest.networks]

    @property
    def quantized(self) -> list[Path]:
        """The files of the networks in int8; none unless the model was quantised."""
        return [self.path / name for name in self.manifest.quantized]

    def regressor(self) -> IoURegressor:
        """The fitted regressor of the candidates' IoU."""
        return _load(IoURegressor.load, self.path / TREES)

    @property
    def class_colors(self) -> dict[str, Color]:
        """The classes that the model tells apart, in order, with their colours."""
        return class_colors(self.manifest.classes, self.manifest.class_colors)

    def classifier(self) -> NucleusClassifier | None:
        """What tells the classes of nuclei; None where the model knows none."""
        if not self.manifest.classes:
            return None
        classifier = _load(NucleusClassifier.load, self.path / CLASSES)
        if classifier.classes != self.manifest.classes:
            raise BundleError(
                f"{self.path}: the classes are {', '.join(classifier.classes)}, those of the "
                f"manifest {', '.join(self.manifest.classes)}",
                hint="copy the whole model folder again",
            )
        return classifier


def _load(load, path: Path):
    try:
        return load(path)
    except (ValueError, OSError) as error:
        raise BundleError(
            f"{path}: cannot be loaded: {error}", hint="restore the model folder or train it anew"
        ) from error


def added_models() -> Path:
    """Where the models lie that the present user has added, one folder each."""
    return user_data_path("nucleisplit", appauthor=False) / "models"


def model_folder(name_or_path: str | Path) -> Path:
    """The folder of a model given by a name (``default``), bundled or added, or by a path."""
    homes = (MODELS, added_models())
    if Path(name_or_path).name == str(name_or_path):
        for home in homes:
            if (home / name_or_path / MANIFEST).is_file():
                return home / name_or_path
    folder = Path(name_or_path)
    if not folder.is_dir():
        names = sorted(path.parent.name for home in homes for path in home.glob(f"*/{MANIFEST}"))
        raise BundleError(
            f"{name_or_path}: no such model",
            hint=f"give the folder of a model or one of: {', '.join(names) or '(none bundled)'}",
        )
    return folder


def load_bundle(name_or_path: str | Path = "default") -> Bundle:
    """Find a model and check that every byte of it is as it was written.

    Raises
    ------
    BundleError
        There is no such model, its format is not `FORMAT`, a file is missing, a file or the
        manifest has changed since it was written, or a file that would be loaded is not one of
        those whose hashes the manifest holds, or lies outside the folder.
    """
    folder = model_folder(name_or_path)
    manifest = read_manifest(folder / MANIFEST)
    check_listed(folder, manifest)
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{path}: is missing", hint="copy the whole model folder again")
        if sha256(path) != expected:
            raise BundleError(
                f"{path}: has changed since the model was written",
                hint="copy the whole model folder again",
            )
    try:
        config = validated(manifest.config, source=folder / MANIFEST)
    except ConfigError as error:
        raise BundleError(str(error)) from error
    return Bundle(folder, manifest, config)


def check_listed(folder: Path, manifest: Manifest) -> None:
    """Refuse a model that would load anything but files inside its folder with known hashes."""
    trees = {
        path.relative_to(folder).as_posix()
        for part in (TREES, CLASSES)
        for path in (folder / part).rglob("*")
        if not path.is_dir() or path.is_symlink()
    }
    wanted = {*manifest.networks, *manifest.quantized, f"{TREES}/{TABLE}", *trees}
    if unknown := sorted(wanted - manifest.files.keys()):
        raise BundleError(
            f"{folder / unknown[0]}: is not in the list of files of {MANIFEST}",
            hint="remove it, or copy the whole model folder again",
        )
    home = folder.resolve()
    for name in (MANIFEST, *manifest.files):
        path = PurePosixPath(name)
        plain = path.parts and ".." not in path.parts and not path.is_absolute()
        plain = plain and not {*"\\:\0"} & {*name} and len(name) < _LONGEST
        if not plain or home.joinpath(path) != (home / path).resolve():
            raise BundleError(
                f"{folder / MANIFEST}: {name!r} is no file inside the folder of the model",
                hint="take the model from its source again, links replaced by files",
            )


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
