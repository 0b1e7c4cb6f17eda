"""What `infer_batch` would refuse, refused before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nucleisplit.batch.outputs import H5AD, PARQUET, default_out, open_folder
from nucleisplit.errors import ConfigError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.images import find_images
from nucleisplit.model import MANIFEST, model_folder, read_manifest
from nucleisplit.tables import need_library

__all__ = ["check_at_the_door"]


def check_at_the_door(
    images: Sequence[str | Path],
    out: str | Path | None,
    models: Sequence[str | Path],
    *,
    parquet: bool,
    h5ad: bool,
    cluster: bool,
    overwrite: bool,
    resume: bool,
) -> None:
    """Check paths, the output folder, models and libraries; parameters as for `infer_batch`.

    Parameters
    ----------
    cluster : bool
        Whether tiles are computed by other processes.

    Raises
    ------
    InputError, OutputError, BundleError, ConfigError
        As `infer_batch` raises them.
    """
    for model in models:
        read_manifest(model_folder(model) / MANIFEST)
    for name in [PARQUET] * parquet + [H5AD] * h5ad:
        need_library(name)
    if cluster and missing_libraries("distributed"):
        raise ConfigError("dask is not installed", hint=install_command("cluster"))
    folder = default_out(images, find_images(images)) if out is None else Path(out)
    open_folder(folder, overwrite=overwrite, resume=resume)
