"""Many images through one model: nothing is lost, nothing is half-written, one bad image is one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucleisplit import __version__
from nucleisplit.batch.inputs import list_parts
from nucleisplit.batch.journal import Journal
from nucleisplit.batch.outputs import (
    CELLS,
    H5AD,
    PARQUET,
    RUN,
    TABLE,
    Job,
    check_cells,
    check_images,
    check_settings,
    check_targets,
    clear_folder,
    default_out,
    open_folder,
    output_names,
    plan_jobs,
    stamp_of,
    take_back_from,
)
from nucleisplit.batch.parts import Part
from nucleisplit.batch.run_table import columns_of, types_of, write_run_table
from nucleisplit.errors import ConfigError, OutputError
from nucleisplit.extras import install_command, missing_libraries
from nucleisplit.files import remove_parts, write_json
from nucleisplit.images import find_images
from nucleisplit.measure import cell_columns
from nucleisplit.model import MANIFEST, Bundle, model_folder, read_manifest
from nucleisplit.options import NAME, BatchOptions
from nucleisplit.tables import csv_to_h5ad, need_library, stream_to_parquet

if TYPE_CHECKING:
    from nucleisplit.batch.process import Process

_INTERNAL = ("stem", "stamp", "columns", "rows", "rows_file", CELLS)
"""What the journal keeps of an image for its own use."""


@dataclass(frozen=True)
class BatchReport:
    """What a batch did."""

    out: Path
    """The output folder."""
    images: tuple[dict, ...]
    """The entries of ``run.json``, one per image, those of earlier runs included."""
    skipped: int
    """How many of them an earlier run had finished."""
    notes: tuple[str, ...] = ()
    """What of the input was left out, and why."""

    @property
    def failed(self) -> tuple[dict, ...]:
        return tuple(entry for entry in self.images if entry["status"] == "failed")

    @property
    def doubtful(self) -> tuple[dict, ...]:
        """The images that have likely failed, see `Segmentation.doubtful`."""
        return tuple(entry for entry in self.images if entry.get("doubtful"))

    @property
    def nuclei(self) -> int:
        return sum(entry.get("nuclei", 0) for entry in self.images)


def infer_batch(
    images: Sequence[str | Path],
    out: str | Path | None = None,
    options: BatchOptions | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    progress: Callable[[float, int, dict | None], None] | None = None,
    **fields: Any,
) -> BatchReport:
    """Segment images and write labels, overlays, ``nuclei.csv`` and ``run.json``.

    An image that cannot be read or segmented is recorded as failed and the others go on. Every
    finished image is recorded at once, so that a run that is interrupted or killed can be resumed.

    Parameters
    ----------
    images
        Files, folders and glob patterns.
    out
        The output folder; None gives `nucleisplit.batch.outputs.default_out`.
    options
        None: those of a plain `BatchOptions`.
    overwrite
        Remove the files of an earlier run on `out` first.
    resume
        Keep what an earlier run on `out` finished; do what is missing, failed or changed since.
    progress
        Called after every image with the number of images done, of all, and the image's entry;
        also while an image is done in part, with None as the entry. To stop the batch it raises
        `nucleisplit.errors.Cancelled`.
    **fields
        Fields of `BatchOptions`, in place of those of the options.

    Raises
    ------
    InputError
        There are no images.
    BundleError, ConfigError
        The model or an option is refused, or differs from that of the run to resume.
    OutputError
        The output folder holds an earlier run, or cannot be written.
    """
    options = replace(options or BatchOptions(), **fields)
    planes = options.planes
    shared = options.workers or options.dask
    others = () if isinstance(options.classes, bool) else (options.classes,)
    for model in (*options.models, *others):
        if not isinstance(model, Bundle):
            read_manifest(model_folder(model) / MANIFEST)
    for name in [PARQUET] * options.parquet + [H5AD] * options.h5ad:
        need_library(name)
    if shared and missing_libraries("distributed"):
        raise ConfigError("dask is not installed", hint=install_command("cluster"))
    paths = find_images(images)
    parts, notes = list_parts(paths, planes.scene)
    if options.mask_name and NAME not in options.mask_name and len(parts) > 1:
        raise ConfigError(
            f"{options.mask_name}: is one name for {len(parts)} masks",
            hint=f"put {NAME}, the name of the image, into it",
        )
    out = default_out(images, paths) if out is None else Path(out)
    journal, earlier = open_folder(out, overwrite=overwrite, resume=resume)

    # What computes needs torch, which takes seconds to import: not before all this is settled.
    from nucleisplit.batch.process import Process
    from nucleisplit.segmenter import Segmenter
    from nucleisplit.stacks import check_cut
    from nucleisplit.tiled import Cluster, Recipe

    if overwrite or earlier:
        remove_parts(out)
    segmenter = Segmenter(options=options)
    if planes.z == "3d":
        check_cut(segmenter.cut)
    ensemble = segmenter.ensemble
    parameters = {
        **ensemble.parameters,
        **asdict(segmenter.cut),
        **asdict(planes),
        "measure": list(segmenter.measures.groups),
        "measure_channels": segmenter.measures.channels,
        "neighbour_radius": segmenter.measures.radius,
        "classes": segmenter.told_by,
        "anisotropy": options.anisotropy,
        "overlay": options.overlay,
        "write": list(options.write),
        "mask_name": options.mask_name,
        "expand": str(options.expand) if options.expand else None,
        "with_image": options.with_image,
        "in_place": options.in_place,
    }
    settings = {"nucleisplit": __version__, "model": ensemble.fingerprint, **parameters}
    del settings["max_pixels"]  # what failed for being too large may be tried again
    record = {
        "nucleisplit": __version__,
        "status": "interrupted",
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **ensemble.describe([str(name) for name in options.models]),
        "parameters": parameters | {"device": ensemble.device},
    }
    with Cluster(options.dask, options.workers) if shared else nullcontext() as cluster:
        recipe = None if cluster is None else Recipe.of(segmenter)
        process = Process(segmenter, options, out, settings, cluster, recipe)
        if earlier is None:
            jobs = _start(parts, out, journal, settings, options, overwrite)
        else:
            check_settings(out, earlier, settings)
            jobs = plan_jobs(parts, out, journal.entries())
            if options.in_place:
                done = {*journal.keys()}
                check_images([job for job in jobs if job.key not in done], planes, False)
        report, tables = _run(jobs, process, journal, record, progress)
    for table, columns in tables.items():
        types = types_of(columns, planes)
        if options.parquet:
            stream_to_parquet(out / table, (out / table).with_suffix(".parquet"), types)
        if options.h5ad:
            h5ad = (out / table).with_suffix(".h5ad")
            csv_to_h5ad(out / table, h5ad, types, segmenter.class_colors)
    return replace(report, notes=tuple(notes))


def _run(
    jobs: Sequence[Job],
    process: Process,
    journal: Journal,
    record: dict,
    progress: Callable[[float, int, dict | None], None] | None,
) -> tuple[BatchReport, dict[str, list[str]]]:
    """Do what is not finished, and write the record and the tables however the run ends.

    Returns the names of the tables and their columns, too.
    """
    out = process.out
    todo = [job for job in jobs if not _is_finished(job, journal, out)]
    finished = skipped = len(jobs) - len(todo)

    def show(done: float, entry: dict | None = None) -> None:
        if progress is not None:
            progress(done, len(jobs), entry)

    def part(share: float) -> None:
        show(finished + share)

    begin = time.perf_counter()
    try:
        with closing(process.all_of(todo, part)) as done:
            for job, entry in done:
                if entry["status"] == "failed":
                    take_back_from(job, journal.get(job.key))
                try:
                    journal.add(job.key, entry)
                except OutputError:
                    take_back_from(job, entry)
                    raise
                finished += 1
                show(finished, entry)
        record["status"] = "finished"
    finally:
        record["seconds"] = round(time.perf_counter() - begin, 3)
        record["images"], tables = _write_tables(process, journal, jobs)
        write_json(out / RUN, record, overwrite=True)
    return BatchReport(out, tuple(record["images"]), skipped), tables


def _start(
    parts: list[Part],
    out: Path,
    journal: Journal,
    settings: dict,
    options: BatchOptions,
    overwrite: bool,
) -> list[Job]:
    """Make or clear the output folder of a new run."""
    if options.in_place:
        check_images(plan_jobs(parts, out), options.planes, overwrite)
    if overwrite:
        clear_folder(out, journal)
        parts = [part for part in parts if os.path.lexists(part.path)]
    jobs = plan_jobs(parts, out)
    with_cells = settings["expand"] is not None
    if with_cells:
        check_cells(jobs, settings["write"])
    if not overwrite:
        check_targets(jobs, out, options.write, options.mask_name, with_cells)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out}: cannot be made ({error.strerror})", hint="choose another folder with --out"
        ) from error
    journal.start(settings)
    return jobs


def _is_finished(job: Job, journal: Journal, out: Path) -> bool:
    entry = journal.get(job.key)
    if entry is None or entry["status"] != "ok" or entry["stamp"] != stamp_of(job.path):
        return False
    if "in_place" in entry and not (job.path / entry["in_place"]).is_dir():
        return False
    return all((out / name).exists() for name in output_names(entry))


def _write_tables(
    process: Process, journal: Journal, jobs: Sequence[Job]
) -> tuple[list[dict], dict[str, list[str]]]:
    """Write ``nuclei.csv``, and ``cells.csv`` where there are cells, from the journal; return the
    entries of all images, and the columns of each table."""
    wanted = dict.fromkeys(job.key for job in jobs)
    keys = [*(key for key in journal.keys() if key not in wanted), *wanted]
    columns = columns_of(process.options.planes, process.segmenter.measures, journal.entries(keys))
    entries = []

    def tell() -> Iterator[dict]:
        for entry in journal.entries(keys):
            entries.append({name: entry[name] for name in entry if name not in _INTERNAL})
            yield entry

    write_run_table(process.out / TABLE, columns, tell(), process.out)
    tables = {TABLE: columns}
    if process.options.expand is not None:
        measures = process.segmenter.measures
        columns = ["image", *cell_columns(measures)]  # of every image; some have more

        def cells() -> Iterator[dict]:
            return (entry | entry.get(CELLS, {}) for entry in journal.entries(keys))

        file = f"{CELLS}.csv"
        tables[file] = columns_of(
            process.options.planes, measures, [{"columns": columns}, *cells()]
        )
        write_run_table(process.out / file, tables[file], cells(), process.out)
    return entries, tables
