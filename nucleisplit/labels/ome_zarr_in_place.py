"""Label images written into the OME-Zarr of their image, which itself is never touched."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit.errors import InputError, OutputError
from nucleisplit.files import remove, remove_parts, replacing
from nucleisplit.images import (
    LABELS,
    OmeGroup,
    Pixels,
    Plane,
    Stack,
    is_consolidated,
    ome_attributes,
)

from .label_stream import LabelStream, as_stream
from .ome_zarr import write_label_group
from .ome_zarr_groups import NEW, OLD, open_group
from .ome_zarr_pyramid import multiscale

__all__ = ["check_in_place", "take_back", "write_in_place"]

_NAME = "nuclei"
_METADATA = "zarr.json", ".zattrs", ".zgroup"
_TYPES = {"t": "time", "c": "channel"}
"""Of axes, which before version 0.4 had only names."""


def check_in_place(source: Pixels, overwrite: bool = False) -> Path:
    """Return the group that `write_in_place` makes; refuse what it cannot write into.

    Parameters
    ----------
    source : ImageSource
    overwrite : bool
        There may be one of its name already.

    Raises
    ------
    InputError
        The image is in no OME-Zarr, or in one that cannot take label images.
    OutputError
        It has label images of that name, or cannot be written.
    """
    group = _group_of(source)
    folder = group.folder / LABELS
    for place in (group.folder, folder):
        if place.exists() and not os.access(place, os.W_OK):
            raise OutputError(
                f"{place}: cannot be written (Permission denied)", "leave out --in-place"
            )
    if not overwrite and _NAME in _listed(folder) and (folder / _NAME).exists():
        raise OutputError(f"{folder / _NAME}: exists", "use --overwrite to replace it")
    return folder / _NAME


def write_in_place(
    segmented: Plane | Stack, labels: np.ndarray | LabelStream, overwrite: bool = False
) -> Path:
    """Write the labels of a plane or stack as ``labels/nuclei`` of the OME-Zarr that it is in.

    They have the levels, axes and transformations of the image, but for channels and projected
    slices, and lie at the slice and time point that the plane was. What is half-written is called
    otherwise, and is removed the next time; a group of that name that the list of labels leaves out
    counts as half-written.

    Parameters
    ----------
    segmented : Plane or Stack
    labels : (H, W) or (Z, H, W) integer ndarray, or LabelStream
    overwrite : bool
        Replace label images of that name; when that fails, they are put back.

    Returns
    -------
    Path
        The group.

    Raises
    ------
    InputError, OutputError
        See `check_in_place`.
    """
    target = check_in_place(segmented.source, overwrite)
    group, folder = _group_of(segmented.source), target.parent
    if isinstance(labels, LabelStream) or labels.ndim == 2:
        streams = [as_stream(labels)[0]]
    else:
        streams = [as_stream(one)[0] for one in labels]
    version = NEW if (group.folder / "zarr.json").is_file() else OLD
    remove_parts(folder)
    try:
        with replacing(target, overwrite=True) as part:
            _fill(open_group(part, version), version, group, segmented, streams)
        names = _listed(folder)
        _list(folder, version, [*names, _NAME] if _NAME not in names else names)
    except BaseException:
        with suppress(OSError):
            folder.rmdir()  # if it was made for this
        raise
    return target


def take_back(target: Path) -> None:
    """Remove a group that `write_in_place` has made, and the group it is in if it holds no other.

    Raises
    ------
    OSError, OutputError
        It cannot be removed.
    """
    folder = target.parent
    names = [name for name in _listed(folder) if name != target.name]
    if names or {each.name for each in folder.iterdir()} - {target.name, *_METADATA}:
        _list(folder, NEW if (folder / "zarr.json").is_file() else OLD, names)
        remove(target)
    else:
        remove(folder)


def _group_of(source: Pixels) -> OmeGroup:
    group = source.group
    if group is None:
        hint = "leave out --in-place"
        if source.path.name.lower().endswith((".zip", ".ozx")):
            hint += "; a zipped OME-Zarr has to be unpacked"
        raise InputError(f"{source.path}: is no image in the folder of an OME-Zarr", hint)
    problem = None
    if (group.folder / "zarr.json").is_file() and group.version != NEW:
        problem = f"is OME-Zarr {group.version}"
    elif is_consolidated(group.folder):
        problem = "has its metadata in one file, which would not know of the labels"
    elif not all(level.height for level in source.levels):
        problem = "has a level that cannot be read"
    elif source.axes[-2:] != "YX":
        problem = f"has the axes {source.axes}, where rows and columns are not the last"
    if problem:
        raise InputError(
            f"{source.path}: {problem}", "use --write ome-zarr --with-image in place of --in-place"
        )
    return group


def _fill(
    root, version: str, group: OmeGroup, segmented: Plane | Stack, streams: Sequence[LabelStream]
) -> None:
    """Fill the group of the labels."""
    planes = [segmented] if isinstance(segmented, Plane) else segmented.planes
    source, axes, level = planes[0].source, planes[0].selection.axes, planes[0].level
    taken = planes[0].selection.taken
    kept = [i for i, letter in enumerate(axes) if len(taken.get(letter, (0,))) == 1]
    kept = [i for i in kept if axes[i] not in "CS"]
    shapes = [source.level_shape(number) for number in range(len(source.levels))]
    steps = [_transformation(group, number, shapes) for number in range(len(shapes))]
    places, others, changes = [], [], []
    for shape, (scale, shift) in zip(shapes, steps, strict=True):

        def nearest(axis: int, size: int, own=(scale, shift), length=shape) -> np.ndarray:
            return _nearest(length[axis], (own[0][axis], own[1][axis]), steps[level], axis, size)

        rows, columns = (nearest(i, streams[0].shape[i]) for i in (-2, -1))
        places.append((rows, columns))
        lengths = [shape[i] for i in kept[:-2]]
        at = {i: taken.get(axes[i], (0,))[0] * shape[i] // shapes[0][i] for i in kept[:-2]}
        where = [[tuple(at.values())]]
        if isinstance(segmented, Stack) and "Z" in axes:
            z = axes.index("Z")
            slices = nearest(z, len(planes))
            where = [
                [
                    tuple((at | {z: own}).values())
                    for own in np.flatnonzero(slices == number).tolist()
                ]
                for number in range(len(planes))
            ]
        others.append((tuple(lengths), where))
        change: list[dict[str, Any]] = [{"type": "scale", "scale": [scale[i] for i in kept]}]
        if any(shift[i] for i in kept):
            change.append({"type": "translation", "translation": [shift[i] for i in kept]})
        changes.append(change)
    described = group.multiscale
    named = [
        axis if isinstance(axis, dict) else {"name": axis, "type": _TYPES.get(axis, "space")}
        for axis in described.get("axes", "tczyx")
    ]
    more = {}
    if whole := described.get("coordinateTransformations"):
        more["coordinateTransformations"] = [
            {"type": c["type"], c["type"]: [c[c["type"]][i] for i in kept]} for c in whole
        ]
    scales = multiscale(version, _NAME, [named[i] for i in kept], changes, **more)
    about = {"source": {"image": "../../"}}
    write_label_group(root, version, streams, scales, about, places, others)


def _transformation(
    group: OmeGroup, number: int, shapes: Sequence[tuple[int, ...]]
) -> tuple[list[float], list[float]]:
    """By dimension, the scale and translation of a level."""
    told = group.multiscale["datasets"][number].get("coordinateTransformations")
    if not told:  # before version 0.4
        ratios = [first / own for first, own in zip(shapes[0], shapes[number], strict=True)]
        return [float(round(ratio)) if ratio > 1 else 1.0 for ratio in ratios], [0.0] * len(ratios)
    scale, shift = [1.0] * len(shapes[0]), [0.0] * len(shapes[0])
    for change in told:
        if change["type"] == "scale":
            scale = [float(length) for length in change["scale"]]
        elif change["type"] == "translation":
            shift = [float(length) for length in change["translation"]]
    return scale, shift


def _nearest(
    length: int,
    own: tuple[float, float],
    of: tuple[Sequence[float], Sequence[float]],
    axis: int,
    size: int,
) -> np.ndarray:
    """For each row (or column) of a level, the closest of those that were segmented."""
    scale, shift = own
    exact = (np.arange(length) * scale + shift - of[1][axis]) / of[0][axis]
    return np.clip(np.ceil(exact - 0.5), 0, size - 1).astype(int)


def _listed(folder: Path) -> list[str]:
    """Names of the label images in a ``labels`` group."""
    found = ome_attributes(folder).get("labels", []) if folder.is_dir() else []
    return [str(name) for name in found] if isinstance(found, list) else []


def _list(folder: Path, version: str, names: list[str]) -> None:
    """Set the list of label images; make the ``labels`` group if there is none."""
    file = folder / ("zarr.json" if version == NEW else ".zattrs")
    content: dict = {"zarr_format": 3, "node_type": "group"} if version == NEW else {}
    if file.is_file():
        content = json.loads(file.read_text(encoding="utf-8"))
    if version == NEW:
        attributes = content.setdefault("attributes", {})
        attributes.setdefault("ome", {"version": version})["labels"] = names
    else:
        content["labels"] = names
        _put(folder / ".zgroup", {"zarr_format": 2})
    _put(file, content)


def _put(file: Path, content: dict) -> None:
    with replacing(file, overwrite=True) as part:
        part.write_text(json.dumps(content, indent=2), encoding="utf-8")
