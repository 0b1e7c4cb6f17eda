"""OME-Zarr, versions 0.1 to 0.5, read chunk by chunk."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nucleisplit.errors import InputError

from ..plane_choice import choose_scene
from .base import Index, OmeGroup, Store, micrometres
from .ome_zarr_chunks import ChunkedArray, unbroken

__all__ = ["ZarrStore"]

_EQUAL = 0.01
"""Lengths of pixels that differ by less, as a share, are the same; so is a right angle."""


class ZarrStore(Store):
    """The multiscale image of an OME-Zarr group, or a plain Zarr array.

    Of a group without an image, its only label image.

    Parameters
    ----------
    path : Path
        The folder, or a file that is one zipped; a field of a plate is named by its own folder.
    scene : int, optional
        Which image of a file that holds several (bioformats2raw).
    image : str, optional
        Name of the image of a SpatialData that holds several.

    Raises
    ------
    InputError
        No image, several of them and `scene` is None, or a plate. The message names no path.
    """

    _arrays: list[ChunkedArray | None]
    """The levels; None for one that cannot be read."""

    def __init__(
        self, path: Path, scene: int | str | None = None, image: str | None = None
    ) -> None:
        self._zip: Any = None
        try:
            unbroken(self._open, path, scene, image)
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path, scene: int | str | None, image: str | None) -> None:
        import zarr

        root: Path | zipfile.Path = path
        inside = ""
        if path.is_file():
            self._zip = zarr.storage.ZipStore(path, mode="r")
            root = zipfile.Path(path)
            inside = _folder_in_zip(root)
        node: Any = zarr.open(self._zip or str(path), mode="r", path=inside)
        meta = _metadata(node)
        if "spatialdata_attrs" in meta and _is_group(node) and "multiscales" not in meta:
            node = _named_image(node, image)
            meta = _metadata(node)
        elif image is not None:
            raise InputError("is no SpatialData, whose images have names", "leave out --image")
        if "bioformats2raw.layout" in meta and "multiscales" not in meta:
            names = sorted((name for name in node.group_keys() if name.isdecimal()), key=int)
            if not names:
                raise InputError("holds no image", "export it again")
            node = node[names[choose_scene(scene, names)]]
            meta = _metadata(node)
        elif scene:
            raise InputError(f"has no image {scene}", "it holds 1, counted from 0")
        elif "multiscales" not in meta and _is_group(node) and "labels" in node:
            node = _only_labels(node["labels"])
            meta = _metadata(node)
        if "plate" in meta or "well" in meta:
            raise InputError("is a plate of many fields", "name one, such as plate.zarr/A/1/0")
        if "multiscales" in meta:
            self._open_multiscale(node, meta, root)
        elif hasattr(node, "dtype"):
            if node.ndim < 2:
                raise InputError(f"is an array of shape {node.shape}", "name an image")
            self._arrays = [ChunkedArray(node, root)]
            self.axes = "Q" * (node.ndim - 2) + "YX"
        else:
            raise InputError("holds no multiscale image", "name the folder of an OME-Zarr image")
        first = next((array for array in self._arrays if array is not None), None)
        if first is None:
            raise InputError("has no level that can be read", "copy or export it again")
        if len(first.shape) != len(self.axes):
            raise InputError(
                f"has {len(first.shape)} dimensions, its axes are {self.axes}", "export it again"
            )
        self.dtype = first.dtype
        self.shapes = tuple(None if a is None else a.shape for a in self._arrays)

    def _open_multiscale(self, group, meta: dict, root: Path | zipfile.Path) -> None:
        scales = meta["multiscales"][0]
        self._arrays = [_array(group, dataset["path"], root) for dataset in scales["datasets"]]
        if isinstance(root, Path) and "image-label" not in meta:
            version = meta.get("version") or scales.get("version", "0.4")
            self.group = OmeGroup(root / group.path, str(version), scales)
        axes = scales.get("axes", list("tczyx"))
        axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
        self.axes = "".join(_letter(axis) for axis in axes)
        self.channels = _channels(meta)
        changes = scales.get("coordinateTransformations", ())
        systems = [change for change in changes if isinstance(change.get("output"), dict)]
        scale = np.ones(len(axes))
        for change in (
            *scales["datasets"][0].get("coordinateTransformations", ()),
            *(() if systems else changes),
        ):
            scale = scale * change["scale"] if change["type"] == "scale" else scale
        if self._arrays[0] is not None and {"Y", "X"} <= set(self.axes):
            if systems:
                names = [str(axis["name"]) for axis in axes]
                lengths: Sequence[float | None] = _in_systems(systems, names, scale)
            else:
                units = [axis.get("unit") for axis in axes]
                lengths = [micrometres(*one) for one in zip(scale.tolist(), units, strict=True)]
            size = dict(zip(self.axes, lengths, strict=True))
            self.pixel_size = (size["Y"], size["X"]) if size["Y"] and size["X"] else None
            self.z_step = size.get("Z")

    def _level(self, level: int) -> ChunkedArray:
        array = self._arrays[level]
        if array is None:
            raise InputError(f"level {level} is broken (cannot be read)", "take another --level")
        return array

    def read(self, level: int, index: Index) -> np.ndarray:
        return self._level(level).read(index)

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()

    def missing_chunks(self, level: int, index: Index) -> int:
        return self._level(level).missing(index)

    def stored_bytes(self, level: int, enough: int) -> int:
        return self._level(level).stored_bytes(enough)


def _folder_in_zip(root: zipfile.Path) -> str:
    """Where the group is in a zipped OME-Zarr: at its top, or in its only folder."""
    entries = list(root.iterdir())
    return entries[0].name if len(entries) == 1 and entries[0].is_dir() else ""


def _metadata(node) -> dict:
    """The OME attributes: at the top up to version 0.4, under ``ome`` from 0.5 on."""
    attributes = dict(node.attrs)
    return attributes.get("ome", attributes)


def _is_group(node) -> bool:
    return not hasattr(node, "dtype")


def _named_image(group, image: str | None):
    """Return the image of a SpatialData, of several that of a name."""
    names = sorted(group["images"].group_keys()) if "images" in group else []
    if not names:
        raise InputError("is a SpatialData without images", "name one with images")
    listed = ", ".join(names)
    if image is None and len(names) > 1:
        raise InputError(
            f"is a SpatialData of {len(names)} images ({listed})", "choose one with --image NAME"
        )
    if image is not None and image not in names:
        raise InputError(f"has no image {image}", f"its images are called {listed}")
    return group["images"][image or names[0]]


def _in_systems(
    systems: Sequence[dict], names: Sequence[str], scale: np.ndarray
) -> list[float | None]:
    """By axis, the length of a pixel in um, from the coordinate systems of a SpatialData.

    Only those count that are in a unit of length: that of their axes or, as spatialdata writes
    none, the one that they are called after. A pixel may be turned; nothing is known where it is
    sheared, or where two of them differ.
    """
    found = []
    for change in systems:
        steps = _moved(change, dict(zip(names, np.diag(scale), strict=True)))
        system = change["output"]
        spatial = [axis for axis in system["axes"] if axis.get("type", "space") == "space"]
        units = [axis.get("unit", "unit") for axis in spatial]
        um = [micrometres(1.0, system["name"] if unit == "unit" else unit) for unit in units]
        if None not in um:
            sides = np.array([steps[axis["name"]] * n for axis, n in zip(spatial, um, strict=True)])
            length = np.sqrt((sides**2).sum(axis=0))
            down, across = names.index("y"), names.index("x")
            shear = abs(sides[:, down] @ sides[:, across])
            if not shear <= _EQUAL * length[down] * length[across]:
                return [None] * len(names)
            found.append(length)
    if not found or not np.allclose(found, found[0], rtol=_EQUAL):
        return [None] * len(names)
    return [float(length) if 0 < length < np.inf else None for length in found[0]]


def _moved(change: dict, steps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return, by axis of its output, how a transformation changes steps given by axis of its input;
    NaN where its type is not known."""
    kind = change["type"]
    if kind == "sequence":
        for part in change["transformations"]:
            steps = _moved(part, steps)
        return steps
    given, made = ([axis["name"] for axis in change[end]["axes"]] for end in ("input", "output"))
    if kind == "mapAxis":
        return {name: steps[change[kind].get(name, name)] for name in made}
    matrix = np.full((len(made), len(given)), np.nan)
    if kind in ("identity", "translation"):
        matrix = np.eye(len(given))
    elif kind == "scale":
        matrix = np.diag(change[kind])
    elif kind == "affine":
        matrix = np.array(change[kind], float)[: len(made), :-1]
    moved = matrix @ np.array([steps[name] for name in given])
    return dict(zip(made, moved, strict=True))


def _only_labels(group):
    """Return the label image of the ``labels`` group of an OME-Zarr without an image."""
    names = sorted(group.group_keys())
    if len(names) != 1:
        raise InputError(
            f"holds no image and {len(names)} label images ({', '.join(names)})",
            "name one, such as a.zarr/labels/nuclei",
        )
    return group[names[0]]


def _array(group, path: str, root: Path | zipfile.Path) -> ChunkedArray | None:
    """Open a level; None when it is missing or its metadata are damaged."""
    try:
        array = group[path]
        return ChunkedArray(array, root) if hasattr(array, "dtype") else None
    except Exception:  # zarr raises many types; the level is reported when it is asked for
        return None


def _letter(axis: dict) -> str:
    kinds = {"time": "T", "channel": "C"}
    letter = kinds.get(axis.get("type", ""), str(axis["name"]).upper())
    return letter if letter in ("T", "C", "Z", "Y", "X") else "Q"


def _channels(meta: dict) -> tuple[str, ...]:
    names = [c.get("label", "") for c in meta.get("omero", {}).get("channels", ())]
    return tuple(names) if names and all(names) else ()
