"""Labels of one or many images from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nucleisplit.errors import ConfigError, InputError, OutputError
from nucleisplit.files import refuse_overwrite
from nucleisplit.images import PlaneChoice, is_zarr
from nucleisplit.labels import Format, format_of, get_format, write_as, write_submissions
from nucleisplit.names import brief
from nucleisplit.tables import read_nuclei, write_nuclei

from .classes import ImageClasses, read_source_classes
from .label_sets import LabelSource, find_label_sources

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["convert_labels", "convert_table"]


def convert_labels(
    source: str | Path,
    target: str | Path,
    name: str | None = None,
    pixel_size: float | None = None,
    overwrite: bool = False,
    planes: PlaneChoice | None = None,
) -> tuple[int, int]:
    """Convert the labels of a file or folder, with their classes where both formats hold them.

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
    classes = read_source_classes(source, sources)
    if are_many:
        files = _files(sources, target, entry, overwrite)
    else:
        files = dict.fromkeys(sources, refuse_overwrite(target, overwrite))
    count = 0
    for image_id, each in sources.items():
        labels = each.read(choice=planes)
        table = _table(labels, classes.get(image_id))
        write_as(entry.name, files[image_id], labels, table, pixel_size, overwrite)
        count += _count(labels)
    return count, len(sources)


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


def _files(
    sources: dict[str, LabelSource], target: Path, entry: Format, overwrite: bool
) -> dict[str, Path]:
    """Name the files in a folder; nothing is written when one is in the way."""
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
    return files


def _table(labels: np.ndarray, classes: ImageClasses | None) -> pd.DataFrame | None:
    """Return the classes of nuclei as a table of them."""
    import pandas as pd

    named = classes.of(labels) if classes else {}
    return pd.DataFrame({"label": list(named), "class": list(named.values())}) if named else None


def _count(labels: np.ndarray) -> int:
    import pandas as pd

    return int(np.count_nonzero(pd.unique(labels.ravel())))  # many times as fast as np.unique
