"""Labels of one or many images from one format into another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nucleisplit.errors import ConfigError, InputError, OutputError
from nucleisplit.files import refuse_overwrite
from nucleisplit.images import PlaneChoice, is_zarr
from nucleisplit.labels import Format, format_of, get_format, write_as, write_submissions
from nucleisplit.names import brief
from nucleisplit.tables import read_nuclei, write_nuclei

from .label_sets import LabelSource, find_label_sources

__all__ = ["convert_labels", "convert_table"]


def convert_labels(
    source: str | Path,
    target: str | Path,
    name: str | None = None,
    pixel_size: float | None = None,
    overwrite: bool = False,
    planes: PlaneChoice | None = None,
) -> tuple[int, int]:
    """Convert the labels of a file or folder.

    Parameters
    ----------
    source : str or Path
        See `find_label_sources`.
    target : str or Path
        A file for a file; for a folder, or a file of several images, a folder, or a table of run
        lengths.
    name : str, optional
        The format, one of `FORMATS`; by default that of the ending of `target`.
    pixel_size : float, optional
        Micrometres; only for OME-TIFF, OME-Zarr and SpatialData.
    overwrite : bool
        Replace existing files.
    planes : PlaneChoice, optional
        Which plane of label images that hold more than one.

    Returns
    -------
    nuclei, images : int

    Raises
    ------
    ConfigError
        The format is unknown or cannot be told.
    InputError, DatasetError
        The labels cannot be found or read.
    OutputError
        A file exists or cannot be written.
    """
    source, target = Path(source), Path(target)
    sources = find_label_sources(source)
    entry = get_format(name) if name else format_of(target)
    if entry is None:
        raise ConfigError(f"{target}: its ending tells no format", "choose one with --to")
    if pixel_size is not None and not entry.sized:
        raise ConfigError(
            f"{entry.name} holds no pixel size", "use --to ome-tiff, ome-zarr or spatialdata"
        )
    are_many = len(sources) > 1 or (source.is_dir() and not is_zarr(source))
    if are_many and entry.name == "submission" and target.suffix.lower() == ".csv":
        refuse_overwrite(target, overwrite)
        images = {image_id: each.read(choice=planes) for image_id, each in sources.items()}
        write_submissions(target, images, overwrite)
        return sum(map(_count, images.values())), len(images)
    if are_many:
        return _convert_all(sources, target, entry, pixel_size, overwrite, planes), len(sources)
    (only,) = sources.values()
    refuse_overwrite(target, overwrite)
    return _convert(only, target, entry, pixel_size, overwrite, planes), 1


def convert_table(source: str | Path, target: str | Path, overwrite: bool = False) -> int:
    """Convert a table of nuclei between CSV, Parquet and AnnData, by the endings; return its rows.

    Raises
    ------
    InputError, OutputError, ConfigError
        See `read_nuclei` and `write_nuclei`.
    """
    refuse_overwrite(target, overwrite)
    table = read_nuclei(source)
    try:
        write_nuclei(target, table, overwrite)
    except (ValueError, TypeError) as error:  # of pyarrow and anndata
        raise InputError(
            f"{source}: holds what {target} cannot ({brief(error)})", "correct the table"
        ) from error
    return len(table)


def _convert_all(
    sources: dict[str, LabelSource],
    target: Path,
    entry: Format,
    pixel_size: float | None,
    overwrite: bool,
    planes: PlaneChoice | None,
) -> int:
    """Convert into a folder; nothing is written when a file is in the way."""
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target}: is a file", "name a folder")
    for image_id, each in sources.items():
        if Path(image_id).name != image_id:
            raise InputError(
                f"{each.paths[0]}: {image_id!r} is no name for a file", "rename that image in it"
            )
    files = {image_id: target / f"{image_id}{entry.ending}" for image_id in sources}
    for path in files.values():
        refuse_overwrite(path, overwrite)
    return sum(
        _convert(each, files[image_id], entry, pixel_size, overwrite, planes)
        for image_id, each in sources.items()
    )


def _convert(
    source: LabelSource,
    path: Path,
    entry: Format,
    pixel_size: float | None,
    overwrite: bool,
    planes: PlaneChoice | None,
) -> int:
    labels = source.read(choice=planes)
    write_as(entry.name, path, labels, pixel_size=pixel_size, overwrite=overwrite)
    return _count(labels)


def _count(labels: np.ndarray) -> int:
    import pandas as pd

    return int(np.count_nonzero(pd.unique(labels.ravel())))  # many times as fast as np.unique
