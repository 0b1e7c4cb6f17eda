"""One stack of a batch: slice by slice, or in 3-D."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from nucleisplit.batch.outputs import Job
from nucleisplit.io import ImageSource, PlaneChoice, Stack, write_overlay, write_volumes
from nucleisplit.measure import COLUMNS, TYPES
from nucleisplit.pipeline import Segmenter
from nucleisplit.stacks import VOLUME_COLUMNS, VOLUME_TYPES

__all__ = ["columns_of", "process_stack", "types_of"]


def columns_of(planes: PlaneChoice) -> list[str]:
    """Columns of the table of a run.

    >>> columns_of(PlaneChoice(z="each"))[:3]
    ['image', 'slice', 'label']
    """
    if planes.z == "3d":
        return ["image", *VOLUME_COLUMNS]
    return ["image", *(["slice"] if planes.z == "each" else []), *COLUMNS]


def types_of(planes: PlaneChoice) -> dict[str, str]:
    """Types of these columns, by name."""
    known = VOLUME_TYPES if planes.z == "3d" else TYPES
    return {"image": "string", "slice": "int64"} | {
        name: np.dtype(kind).name for name, kind in known.items()
    }


def process_stack(
    source: ImageSource,
    job: Job,
    segmenter: Segmenter,
    planes: PlaneChoice,
    out: Path,
    overlay: bool,
    anisotropy: float | None,
    progress: Callable[[float], None],
) -> dict:
    """Segment a stack and write its labels, and the outlines of its fullest slice.

    Returns
    -------
    dict
        What the journal says of it, the rows of its table included.

    Raises
    ------
    InputError
        It cannot be read, or is no stack.
    OutputError
        A file cannot be written.
    """
    stack = source.stack(planes)
    if planes.z == "3d":
        result = segmenter.segment_stack(
            stack, anisotropy=anisotropy, progress=lambda done, total: progress(done / total)
        )
        labels, table = result.labels, result.table.copy()
        facts = {"anisotropy": result.anisotropy, "diameter": result.diameter}
    else:
        labels, table = _slice_by_slice(stack, job, segmenter, progress)
        facts = {}
    write_volumes(out / job.labels, labels, stack.voxel_size, overwrite=True)
    if overlay:
        fullest = int((labels > 0).sum(axis=(1, 2)).argmax())
        image, scores = stack.planes[fullest].read(), table["predicted_iou"].to_numpy()
        write_overlay(out / job.overlay, image, labels[fullest], scores, overwrite=True)
    table.insert(0, "image", job.image)
    return {
        "status": "ok",
        "nuclei": len(table),
        "doubtful": not len(table),
        **facts,
        "slices": labels.shape[0],
        "height": labels.shape[1],
        "width": labels.shape[2],
        "level": stack.planes[0].level,
        "voxel_size_um": stack.voxel_size,
        "labels": job.labels,
        **({"overlay": job.overlay} if overlay else {}),
        "rows": table.to_csv(index=False, header=False, float_format="%.6g", lineterminator="\n"),
    }


def _slice_by_slice(
    stack: Stack, job: Job, segmenter: Segmenter, progress: Callable[[float], None]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Segment every slice as an image; labels go on counting from slice to slice."""
    labels, tables, count = [], [], 0
    for z, plane in enumerate(stack.planes):
        name = f"{job.path}, slice {z}"
        result = segmenter.segment(plane.read(), name=name, keep_candidates=False)
        labels.append(np.where(result.labels > 0, result.labels + count, 0).astype(np.int32))
        table = result.table.copy()
        table["label"] += count
        table.insert(0, "slice", z)
        tables.append(table)
        count += len(table)
        progress((z + 1) / len(stack.planes))
    return np.stack(labels), pd.concat(tables, ignore_index=True)
