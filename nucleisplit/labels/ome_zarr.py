"""Label images as OME-Zarr, for napari, QuPath, Fiji and what runs on clusters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.endings import stem_of
from nucleisplit.errors import InputError, OutputError
from nucleisplit.files import refuse_overwrite, replacing
from nucleisplit.images import Plane, ome_attributes

from .label_stream import LabelStream, as_stream
from .ome_zarr_groups import OLD, create_array, describe, newest, open_group
from .ome_zarr_pyramid import Level, MeanLevel, Pyramid, halved, multiscale
from .tiff import smallest_type

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_labels_only", "write_ome_zarr", "write_ome_zarr_old"]

_OURS = {".zgroup", ".zattrs", "zarr.json", "labels"}
"""All that lies in the folder of labels without an image."""
_CREATOR = {"name": "nucleisplit"}
"""Tells a folder with an image that we have written, and may replace."""
_COLOURS = ("FFFFFF",), ("FF0000", "00FF00", "0000FF")
_MORE_COLOURS = ("0000FF", "00FF00", "FF0000", "FF00FF", "00FFFF", "FFFF00")
_BAND = 256
"""Rows of an image that are read at once."""


def write_ome_zarr(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
    *,
    pixel_size: float | tuple[float, float] | None = None,
    image: Plane | None = None,
    version: str | None = None,
) -> None:
    """Write a label image as ``labels/nuclei`` of an OME-Zarr, with a pyramid.

    `nucleisplit.labels.read_labels` reads it.

    Parameters
    ----------
    path : str or Path
        The folder; it is there in the end, or not at all.
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Not used.
    overwrite : bool
        Replace what is there, unless it is the folder of something else.
    pixel_size : float or (float, float), optional
        Height and width of a pixel, micrometres.
    image : Plane, optional
        What was segmented: it is copied along, with all channels of its file.
    version : {"0.5", "0.4"}, optional
        By default the newest that can be written: 0.5, or 0.4 where zarr 2 is installed.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`; or the folder holds something else.
    ValueError
        The array is not a label image, or the pixel size is not positive.
    """
    stream, _ = as_stream(labels)
    path = refuse_overwrite(path, overwrite)
    if path.is_dir() and any(path.iterdir()) and not _is_ours(path):
        raise OutputError(f"{path}: holds more than labels", "choose another name")
    size = np.broadcast_to(1.0 if pixel_size is None else pixel_size, 2).astype(float)
    if not ((size > 0) & (size < np.inf)).all():
        raise ValueError(f"pixel_size must be positive, got {pixel_size}")
    version = version or newest()
    unit = {} if pixel_size is None else {"unit": "micrometer"}
    axes = [{"name": name, "type": "space", **unit} for name in "yx"]
    scales = [(size * 2**number).tolist() for number in range(len(halved(stream.shape)))]
    with replacing(path, overwrite) as part:
        root = open_group(part, version)
        if image is not None:
            _copy(root, version, stem_of(path), image, axes, scales)
        group = root.create_group("labels")
        describe(group, version, labels=["nuclei"])
        changes = [[{"type": "scale", "scale": scale}] for scale in scales]
        scales_of = multiscale(version, "nuclei", axes, changes)
        source = {} if image is None else {"source": {"image": "../../"}}
        write_label_group(
            group.create_group("nuclei"), version, [stream], scales_of, source, halved(stream.shape)
        )


def write_ome_zarr_old(path, labels, table=None, overwrite=False, **options) -> None:
    """Write version 0.4, whatever is newest; see `write_ome_zarr`."""
    write_ome_zarr(path, labels, table, overwrite, version=OLD, **options)


def write_label_group(
    group,
    version: str,
    streams: Sequence[LabelStream],
    scales: dict[str, Any],
    source: dict[str, Any],
    places: Sequence[tuple[np.ndarray, np.ndarray]],
    others: Sequence[tuple[tuple[int, ...], Sequence[Sequence[tuple[int, ...]]]]] | None = None,
) -> None:
    """Fill the group of a label image.

    Parameters
    ----------
    group : zarr.Group
    version : str
    streams : sequence of LabelStream
        The labels, or those of each slice.
    scales : dict
        See `multiscale`.
    source : dict
        What ``image-label`` says.
    places
        By level, which rows and columns of the streams it has.
    others
        By level, the lengths of its other dimensions, and by stream, where along them it is.
    """
    about = {"version": version} | source if version == OLD else source
    describe(group, version, **{"multiscales": [scales], "image-label": about})
    axes = [axis["name"] for axis in scales["axes"]]
    dtype = smallest_type(max(stream.largest for stream in streams))
    others = others or [((), [[()]])] * len(places)
    arrays = [
        create_array(group, str(number), (*lengths, *map(len, at)), dtype, axes)
        for number, (at, (lengths, _)) in enumerate(zip(places, others, strict=True))
    ]
    for number, stream in enumerate(streams):
        levels = [
            Level(array, *at, place)
            for array, at, (_, where) in zip(arrays, places, others, strict=True)
            for place in where[number]
        ]
        pyramid = Pyramid(levels)
        for band in stream.bands():
            pyramid.add(band.astype(dtype, copy=False))


def is_labels_only(path: Path) -> bool:
    """Tell the folder of an OME-Zarr that holds labels and no image."""
    return (path / "labels").is_dir() and {inner.name for inner in path.iterdir()} <= _OURS


def _is_ours(path: Path) -> bool:
    with suppress(InputError):  # damaged metadata
        return is_labels_only(path) or ome_attributes(path).get("_creator") == _CREATOR
    return False


def _copy(
    root, version: str, name: str, plane: Plane, axes: list[dict], scales: list[list[float]]
) -> None:
    """Copy a plane, with all its channels, as the image of a group."""
    with suppress(InputError):  # colours in every channel: those of this one
        plane = plane.all_channels()
    height, width, *more = plane.shape
    dtype = np.dtype(np.uint8) if plane.dtype == bool else plane.dtype
    places = halved((height, width))
    if more:
        axes = [{"name": "c", "type": "channel"}, *axes]
        scales = [[1.0, *scale] for scale in scales]
    names = [axis["name"] for axis in axes]
    place = (slice(None),) * len(more)
    arrays = [
        create_array(root, str(i), (*more, len(rows), len(columns)), dtype, names)
        for i, (rows, columns) in enumerate(places)
    ]
    pyramid = Pyramid(
        [MeanLevel(array, *at, place) for array, at in zip(arrays, places, strict=True)]
    )
    band_height = max(_BAND, 2 ** (len(places) - 1))
    low, high = [], []
    for top in range(0, height, band_height):
        band = plane.read(slice(top, min(top + band_height, height)))
        band = np.moveaxis(band, -1, 0) if more else band
        pyramid.add(band.astype(dtype, copy=False))
        low.append(band.min(axis=(-2, -1)))
        high.append(band.max(axis=(-2, -1)))
    ends = zip(np.ravel(np.min(low, axis=0)), np.ravel(np.max(high, axis=0)), strict=True)
    changes = [[{"type": "scale", "scale": scale}] for scale in scales]
    described = multiscale(version, name, axes, changes)
    described["type"] = "mean"
    channels = [_channel(plane, i, dtype, *map(float, at)) for i, at in enumerate(ends)]
    describe(
        root,
        version,
        multiscales=[described],
        omero={"channels": channels, "rdefs": {"model": "color" if more else "greyscale"}},
        _creator=_CREATOR,
    )


def _channel(plane: Plane, number: int, dtype: np.dtype, low: float, high: float) -> dict[str, Any]:
    """How viewers show a channel: by its name, in a colour, between its darkest and brightest."""
    count = plane.shape[2] if len(plane.shape) > 2 else 1
    is_rgb = "S" in plane.selection.axes and count == 3
    colours = _COLOURS[0] if count == 1 else _COLOURS[1] if is_rgb else _MORE_COLOURS
    names = plane.source.channels
    own = [*plane.selection.taken.get("C", (0,))]
    if is_rgb:
        label = ("red", "green", "blue")[number]
    else:
        label = names[own[number]] if own[number:] and names[own[number] :] else str(number)
    ends = (low, high) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if is_rgb and dtype == np.uint8:
        low, high = 0.0, 255.0
    return {
        "label": label,
        "color": colours[number % len(colours)],
        "active": True,
        "window": {"min": float(ends[0]), "max": float(ends[1]), "start": low, "end": high},
    }
