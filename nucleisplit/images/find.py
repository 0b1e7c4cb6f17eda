"""Turn what a user typed (files, folders, patterns) into a list of images and output names."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from nucleisplit.endings import IMAGE_SUFFIXES, stem_of
from nucleisplit.errors import InputError
from nucleisplit.names import safe_stem

from .stores.ome_zarr_folders import is_zarr, is_zarr_image, is_zarr_zip

__all__ = ["find_images", "list_images", "output_stems"]


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """List the images that files, folders and patterns stand for.

    Parameters
    ----------
    paths : iterable of str or Path
        A file is taken whatever its name; of a folder the images directly in it; of a pattern
        (``*``, ``?``, ``[...]``, and ``**`` for folders in folders) the images that match. An
        OME-Zarr is a folder, of any name, that counts as one image. A link to an image that does
        not exist is listed, so that it is told of.

    Returns
    -------
    list of Path
        In the order given, each folder and pattern in natural order (``a2`` before ``a10``); a
        file named twice, or reached by two ways, is listed once.

    Raises
    ------
    InputError
        A path does not exist, a folder or pattern holds no image, or nothing was given.
    """
    found: dict[Path, Path] = {}
    for text in paths:
        for path in _expand(text):
            found.setdefault(Path(os.path.realpath(path)), path)
    if not found:
        raise InputError("no images given", "name files, folders or patterns")
    return list(found.values())


def output_stems(paths: Sequence[Path]) -> list[str]:
    """Return a distinct name for the outputs of every image.

    The stem of the file where no other image shares it (upper and lower case count as equal).
    Otherwise the file ending is added (``cell_png``), the name of the folder put before it
    (``day1_cell``), both, or at last a number. What is too long for a file with an ending, or
    would break a line, is shortened or replaced: see `safe_stem`.

    >>> output_stems([Path("a/x.png"), Path("a/y.ome.tif"), Path("a/y.tif"), Path("b/x.png")])
    ['a_x', 'y_ome_tif', 'y_tif', 'b_x']
    """
    choices = [
        [safe_stem(name) for name in (stem, f"{stem}_{ending}", f"{folder}_{stem}", whole)]
        for path in map(Path, paths)
        for stem, folder in [(stem_of(path), path.absolute().parent.name)]
        for ending in [path.name.removeprefix(stem).strip(".").replace(".", "_")]
        for whole in [f"{folder}_{stem}_{ending}"]
    ]
    stems = [names[0] for names in choices]
    for step in range(1, len(choices[0]) if choices else 0):
        count = Counter(stem.casefold() for stem in stems)
        shared = {i for i, stem in enumerate(stems) if count[stem.casefold()] > 1}
        trial = Counter(choices[i][step].casefold() for i in shared)
        taken = {stem.casefold() for i, stem in enumerate(stems) if i not in shared}
        for i in shared:
            name = choices[i][step].casefold()
            if trial[name] == 1 and name not in taken:
                stems[i] = choices[i][step]
    return _number_repeated(stems)


def _number_repeated(stems: list[str]) -> list[str]:
    taken = {stem.casefold() for stem in stems}
    seen: set[str] = set()
    result = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in seen or (number > 1 and name.casefold() in taken):
            number += 1
            name = f"{stem}_{number}"
        seen.add(name.casefold())
        result.append(name)
    return result


def _expand(text: str | Path) -> list[Path]:
    path = Path(text)
    if is_zarr(path):
        return [path]
    if path.is_dir():
        images = list_images(path) + [p for p in path.iterdir() if _is_more(p)]
        if not images:
            raise InputError(
                f"{path}: holds no images",
                f"known endings are {' '.join(IMAGE_SUFFIXES)}; of folders in it, give a pattern "
                f"such as '{path}/**'",
            )
    elif os.path.lexists(path):
        return [path]
    elif glob.has_magic(str(text)):
        matches = [Path(match) for match in glob.glob(str(text), recursive=True)]
        found = {p for p in matches if (_has_suffix(p) and p.is_file()) or _is_more(p)}
        images = [p for p in found if found.isdisjoint(p.parents)]  # nothing in an OME-Zarr found
        if not images:
            raise InputError(
                f"{text}: matches no images",
                "check the pattern; ** stands for any folders in folders",
            )
    else:
        raise InputError(f"{path}: does not exist", "check the path")
    return sorted(images, key=_natural)


def _has_suffix(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def _is_more(path: Path) -> bool:
    """Whether a path is an OME-Zarr, or a link to an image that is not there, to be told of."""
    if path.name.startswith("."):
        return False
    dangling = path.is_symlink() and not path.exists()
    return (dangling and _has_suffix(path)) or is_zarr_image(path) or is_zarr_zip(path)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sort key: numbers by value, letters regardless of case."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def list_images(folder: Path) -> list[Path]:
    """List the image files directly in a folder, by name; hidden files are left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "." and path.is_file()
    )
