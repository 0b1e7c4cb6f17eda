"""Models from hand to hand: one file out, and in again once every hash in it is checked."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from nucleisplit.errors import BundleError
from nucleisplit.files import refuse_overwrite, replacing

from .bundle import MODELS, Bundle, added_models, check_listed, load_bundle
from .manifest import MANIFEST, read_manifest
from .save import build_folder, check_replaceable, copy_files

__all__ = ["PACKED_ENDING", "add_model", "pack_model"]

PACKED_ENDING = ".model.zip"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes
_SMALL, _PACKED = 2**24, 64
"""Bytes that a zip may claim whatever its size, and per byte of it."""


def pack_model(bundle: Bundle, path: str | Path, overwrite: bool = False) -> None:
    """Write a model as one file, a zip; `add_model` reads it.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    """
    path = refuse_overwrite(path, overwrite)
    with replacing(path, overwrite) as part, zipfile.ZipFile(part, "w") as archive:
        for name in (MANIFEST, *sorted(bundle.manifest.files)):
            info = zipfile.ZipInfo(name, _EPOCH)
            archive.writestr(info, (bundle.path / name).read_bytes(), zipfile.ZIP_DEFLATED)


def add_model(source: str | Path, name: str | None = None, overwrite: bool = False) -> Bundle:
    """Keep a copy of a model for the present user, who can then call it by its name.

    Parameters
    ----------
    source
        The folder of a model, or a zip of one, as `pack_model` writes it.
    name
        What it is to be called; by default as the folder or file, without its ending.
    overwrite
        Replace a model of that name.

    Returns
    -------
    Bundle
        The copy, every file of which was checked before it got its name.

    Raises
    ------
    BundleError
        The source is missing, damaged, or no model; the name cannot be one, or is taken.
    """
    source = Path(source)
    if not source.exists():
        raise BundleError(f"{source}: does not exist", hint="check the path")
    if name is None:
        name = source.resolve().name
        if source.is_file():
            name = re.sub(rf"({re.escape(PACKED_ENDING)}|\.zip)$", "", name, flags=re.IGNORECASE)
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise BundleError(
            f"{source}: {name[:80]!r} is no name for a model",
            hint="choose one of letters, digits, - and _ with --name",
        )
    if (MODELS / name / MANIFEST).exists():
        raise BundleError(
            f"{source}: {name} is the name of a bundled model", hint="choose another with --name"
        )
    target = added_models() / name
    check_replaceable(target, overwrite)

    def make(fresh: Path) -> None:
        if source.is_dir():
            bundle = load_bundle(source.absolute())
            copy_files(bundle, fresh, (MANIFEST, *bundle.manifest.files))
        else:
            _unpack(source, fresh)
        load_bundle(fresh)

    return build_folder(target, make)


def _unpack(source: Path, fresh: Path) -> None:
    """Take a model, and nothing else, out of a zip; its names are checked before they are used."""
    try:
        with zipfile.ZipFile(source) as archive:
            found = [i for i in archive.namelist() if PurePosixPath(i).name == MANIFEST]
            if len(found) != 1:
                raise BundleError(
                    f"{source}: holds {'several models' if found else 'no model'}",
                    hint="give a file written by nucleisplit export --format model",
                )
            total = sum(entry.file_size for entry in archive.infolist())
            if total > _SMALL + _PACKED * source.stat().st_size:
                raise BundleError(f"{source}: claims to hold {total} bytes", hint="download again")
            (fresh / MANIFEST).write_bytes(archive.read(found[0]))
            manifest = read_manifest(fresh / MANIFEST)
            check_listed(fresh, manifest)
            for name in manifest.files:
                path = fresh / name
                path.parent.mkdir(parents=True, exist_ok=True)
                entry = found[0].removesuffix(MANIFEST) + name
                with archive.open(entry) as file, path.open("wb") as out:
                    shutil.copyfileobj(file, out)
    except BundleError as error:
        problem = error.message.replace(str(fresh), str(source))
        raise BundleError(problem, hint=error.hint) from None
    except KeyError as error:
        raise BundleError(
            f"{source}: lacks a file of the model ({error.args[0]})", hint="download it again"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BundleError(
            f"{source}: is damaged, or is no zip of a model ({error})", hint="download it again"
        ) from None
