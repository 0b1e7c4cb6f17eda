"""One stack of a batch: slice by slice, or in 3-D."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nucleisplit.batch.outputs import Job, put_in_place
from nucleisplit.images import Stack
from nucleisplit.labels import write_volumes
from nucleisplit.options import BatchOptions
from nucleisplit.overlay import write_overlay
from nucleisplit.segmenter import Segmenter
from nucleisplit.tables import csv_rows
from stage1_unet import Progress, part_of

__all__ = ["process_stack"]


def process_stack(
    stack: Stack,
    job: Job,
    segmenter: Segmenter,
    options: BatchOptions,
    out: Path,
    progress: Progress,
) -> dict:
    """Segment a stack and write its labels, in place too where asked for, and the outlines of its
    fullest slice.

    Returns
    -------
    dict
        What the journal says of it, the rows of its table included.

    Raises
    ------
    InputError
        It cannot be read.
    OutputError
        A file cannot be written.
    """
    if options.planes.z == "3d":
        anisotropy = options.anisotropy
        result = segmenter.segment_stack(stack, anisotropy=anisotropy, progress=progress)
        labels, table = result.labels, result.table.copy()
        facts: dict[str, Any] = {"anisotropy": result.anisotropy, "diameter": result.diameter}
    else:
        labels, table = _slice_by_slice(stack, job, segmenter, progress)
        facts = {}
    write_volumes(out / job.labels, labels, stack.voxel_size, overwrite=True)
    if options.overlay:
        fullest = int((labels > 0).sum(axis=(1, 2)).argmax())
        image, scores = stack.planes[fullest].read(), table["predicted_iou"].to_numpy()
        write_overlay(out / job.overlay, image, labels[fullest], scores, overwrite=True)
    table.insert(0, "image", job.image)
    facts |= put_in_place(job, stack, labels, options.in_place)
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
        **({"overlay": job.overlay} if options.overlay else {}),
        "columns": list(table),
        "rows": csv_rows(table),
    }


def _slice_by_slice(
    stack: Stack, job: Job, segmenter: Segmenter, progress: Progress
) -> tuple[np.ndarray, pd.DataFrame]:
    """Segment every slice as an image; labels go on counting from slice to slice."""
    labels, tables, count = [], [], 0
    for z, plane in enumerate(stack.planes):
        name = f"{job.path}, slice {z}"
        every = segmenter.measures.channels == "all"
        result = segmenter.segment(
            plane.read(),
            name=name,
            keep_candidates=False,
            channels=plane.all_channels().read() if every else None,
            pixel_size=plane.pixel_size,
            progress=part_of(progress, z, len(stack.planes)),
        )
        labels.append(np.where(result.labels > 0, result.labels + count, 0).astype(np.int32))
        table = result.table.copy()
        table["label"] += count
        table.insert(0, "slice", z)
        tables.append(table)
        count += len(table)
    return np.stack(labels), pd.concat(tables, ignore_index=True)
