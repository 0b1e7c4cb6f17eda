"""The images that a batch does: not each file is one, some hold several or parts of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from nucleisplit.batch.outputs import earlier_outputs
from nucleisplit.batch.parts import Part
from nucleisplit.datasets import short_stem
from nucleisplit.endings import stem_of
from nucleisplit.errors import InputError
from nucleisplit.images import image_numbers, member_of_set, plate_fields, plate_of
from nucleisplit.names import name_some

__all__ = ["list_parts"]


def list_parts(
    paths: Iterable[Path], scene: int | str | None = None
) -> tuple[list[Part], list[str]]:
    """Find the images that files stand for.

    A plate is its fields; a file of several images is all of them where `scene` is ``"all"``; the
    files of an OME-TIFF set that hold parts of one image are this image; and what an earlier run
    wrote is none, nor are label images, such as ``a_masks.tif``, of an image among the files.

    Returns
    -------
    parts, notes
        The notes say in a line each what was left out.

    Raises
    ------
    InputError
        Nothing is left, or a plate is damaged.
    """
    paths, outputs, labels = _without_results(list(paths))
    parts = [part for path in paths for part in _parts_of(path, scene)]
    parts, members = _one_of_each(parts, scene)
    notes = []
    if outputs:
        notes.append(f"outputs of an earlier run were left out: {name_some(outputs)}")
    if labels:
        notes.append(f"label images were left out: {name_some(labels)}")
    if members:
        notes.append(f"files that hold parts of an image of others: {name_some(members)}")
    if not parts:
        raise InputError("; ".join(notes) or "no images given", "name other files")
    return parts, notes


def _without_results(paths: list[Path]) -> tuple[list[Path], list[str], list[str]]:
    """Return the images, the names of outputs of an earlier run and those of other labels."""
    written = {folder: earlier_outputs(folder) for folder in {path.parent for path in paths}}
    stems = {(path.parent, stem_of(path)) for path in paths}
    images, outputs, labels = [], [], []
    for path in paths:
        short = short_stem(path)
        if path.name in written[path.parent]:
            outputs.append(path.name)
        elif short != stem_of(path) and (path.parent, short) in stems:
            labels.append(path.name)
        else:
            images.append(path)
    return images, outputs, labels


def _parts_of(path: Path, scene: int | str | None) -> list[Part]:
    fields = plate_fields(path)
    if fields is not None:
        if not fields:
            raise InputError(f"{path}: is a plate without fields", "copy or export it again")
        return [Part(field, plate=plate_of(field)) for field in fields]
    numbers: Sequence[int | None] = (None,)
    if scene == "all":
        with suppress(InputError):  # which is told when its turn comes
            numbers = image_numbers(path)
    return [Part(path, number, plate_of(path)) for number in numbers]


def _one_of_each(parts: list[Part], scene: int | str | None) -> tuple[list[Part], list[str]]:
    """Leave one part for every image of an OME-TIFF set, of a file that holds some of it."""
    chosen: dict[object, tuple[Part, bool]] = {}
    left_out = []
    for part in parts:
        number = scene if part.scene is None and scene != "all" else part.scene
        key, holds = member_of_set(part.path, number) or (part, True)
        if key not in chosen:
            chosen[key] = part, holds
        elif holds and not chosen[key][1]:
            left_out.append(chosen[key][0].path.name)
            chosen[key] = part, holds
        elif chosen[key][0] != part:
            left_out.append(part.path.name)
    return [part for part, _ in chosen.values()], left_out
