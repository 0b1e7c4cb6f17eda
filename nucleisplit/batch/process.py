"""One image of a batch: read it, segment it, write its files, and say how it went."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from threading import Event
from typing import TypeAlias, cast

from nucleisplit.batch.outputs import (
    CELLS,
    Job,
    planes_of,
    put_in_place,
    stamp_of,
    take_back_from,
)
from nucleisplit.batch.process_stack import process_stack
from nucleisplit.batch.run_table import types_of
from nucleisplit.errors import Cancelled, ConfigError, InputError, NucleisplitError, OutputError
from nucleisplit.files import remove
from nucleisplit.images import STACKS, ImageSource, Plane, image_size, open_image
from nucleisplit.labels import (
    CLASS_COLORS,
    LabelStream,
    check_roi_size,
    get_format,
    stream_label_file,
    write_as,
    write_labels,
)
from nucleisplit.measure import Expansion
from nucleisplit.options import BatchOptions
from nucleisplit.overlay import ClassColors, write_overlay
from nucleisplit.palette import hex_color
from nucleisplit.result import Segmentation
from nucleisplit.review import find_doubts, write_review
from nucleisplit.segmenter import Segmenter
from nucleisplit.tables import csv_rows, stream_nuclei
from nucleisplit.tiled import (
    Cluster,
    Compute,
    Recipe,
    TileStore,
    expand_large,
    is_large,
    segment_large,
)
from stage1_unet import Progress

_LOG = logging.getLogger(__name__)

Entries: TypeAlias = Generator[tuple[Job, dict], None, None]
"""Images with what the journal says of them, as they are done."""

_AT_ONCE = 2
"""Images that are under way together: one in the network, which takes them one by one."""
_SMALL = 2**21
"""Most pixels of an image that is done beside another; two of them need less memory than the
largest that is computed in one piece."""


@dataclass(frozen=True)
class Process:
    """What is done with every image of a batch.

    Parameters
    ----------
    segmenter
    options
    out
        The output folder.
    settings
        Of the run, plain values: finished tiles are used again by a run with the same.
    cluster, recipe
        Where images, and the tiles of large ones, are computed, and by which segmenter; by
        default here.
    """

    segmenter: Segmenter
    options: BatchOptions
    out: Path
    settings: dict
    cluster: Cluster | None = None
    recipe: Recipe | None = None

    def all_of(self, jobs: Iterable[Job], progress: Progress) -> Entries:
        """Do images: in their order, or in any order where there is a cluster.

        Large images, whose tiles are spread over the cluster, come one by one, at the end.
        """
        large: list[Job] = []

        def small() -> Iterator[Job]:
            for job in jobs:
                if self._is_large(job):
                    large.append(job)
                else:
                    yield job

        if self.cluster is not None:
            settings = vars(self) | {"out": self.out.absolute(), "cluster": None, "recipe": None}
            del settings["segmenter"]
            function = partial(_do_elsewhere, settings, Path.cwd())
            recipe = cast(Recipe, self.recipe)  # with a cluster there is one
            found = self.cluster.each(recipe, function, small(), lambda job: f"{job.path}:")
            for job, entry in found:
                if isinstance(entry, InputError):  # the workers died of it
                    entry = self._about(job) | {"status": "failed", "message": str(entry)}
                elif isinstance(entry, NucleisplitError):
                    raise entry
                yield job, entry
            jobs = large
        yield from self._in_order(jobs, progress)

    def _in_order(self, jobs: Iterable[Job], progress: Progress) -> Entries:
        """Do images in their order; small ones are begun before the one in front is done.

        So the network computes one while another is read, cut into nuclei, measured or written.
        The first comes alone, in this thread: it imports and compiles what all of them need. When
        the images are given up, those under way end and leave nothing behind.
        """
        given_up = Event()
        shares: dict[str, float] = {}
        ahead: deque[tuple[Job, Future[dict]]] = deque()

        def begin(job: Job) -> dict:
            def note(share: float) -> None:
                shares[job.key] = share
                if given_up.is_set():
                    raise Cancelled("cancelled")

            return self(job, note)

        def front() -> tuple[Job, dict]:
            job, future = ahead[0]
            progress(0.0)
            while wait([future], 0.1).not_done:
                progress(shares.get(job.key, 0.0))
            entry = future.result()
            ahead.popleft()
            return job, entry

        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                try:
                    for number, job in enumerate(jobs):
                        alone = number == 0 or not self._is_small(job)
                        while len(ahead) > (0 if alone else _AT_ONCE - 1):
                            yield front()
                        if alone:
                            yield job, self(job, progress)
                        else:
                            ahead.append((job, pool.submit(begin, job)))
                    while ahead:
                        yield front()
                finally:
                    given_up.set()
                    for _, future in ahead:
                        future.cancel()
        finally:
            for job, future in ahead:
                if not future.cancelled():
                    self._remove(job)
                    take_back_from(job, None if future.exception() else future.result())

    def _shape(self, job: Job) -> tuple[int, int] | None:
        """Height and width of an image; of a stack, and of one that cannot be read, None."""
        planes = planes_of(self.options.planes, job.facts)
        try:
            return None if planes.z in STACKS else image_size(job.path, planes)
        except Exception:  # whoever does it says what is wrong
            return None

    def _is_large(self, job: Job) -> bool:
        """Whether an image is computed in tiles."""
        shape = self._shape(job)
        return shape is not None and is_large(shape, self.options.tile)

    def _is_small(self, job: Job) -> bool:
        """Whether an image may be done beside another."""
        shape = self._shape(job)
        return (
            shape is not None and not is_large(shape, self.options.tile) and prod(shape) <= _SMALL
        )

    def _about(self, job: Job) -> dict:
        """What the journal says of an image before it is done."""
        place = {"image": job.image, "path": str(job.path), "stem": job.stem}
        return {**place, "stamp": stamp_of(job.path), **job.facts}

    def __call__(self, job: Job, progress: Progress) -> dict:
        """Do one image.

        Parameters
        ----------
        job
        progress
            See `stage1_unet.Progress`; to stop the batch it raises `Cancelled`.

        Returns
        -------
        dict
            Its entry for the journal; an image that fails is one with ``status`` ``failed``.

        Raises
        ------
        OutputError
            A file cannot be written: it is no use to go on.
        """
        begin = time.perf_counter()
        entry = self._about(job)
        planes = planes_of(self.options.planes, entry)
        try:
            with open_image(job.path, planes) as source:
                if planes.z in STACKS:
                    entry |= self._stack(job, source, progress)
                else:
                    plane = source.plane(planes)
                    self._check_expansion(job, plane)
                    tiled = is_large(plane.shape, self.options.tile)
                    do = self._in_tiles if tiled else self._in_one_piece
                    entry |= do(job, plane, entry["stamp"], progress)
        except (OutputError, ConfigError, Cancelled, KeyboardInterrupt):
            self._remove(job)
            raise
        except Exception as error:
            self._remove(job)
            _LOG.debug("%s failed", job.path, exc_info=True)
            if not isinstance(error, NucleisplitError):
                error = _unexpected(job.path, error)
            entry |= {"status": "failed", "message": str(error)}
        return entry | {"seconds": round(time.perf_counter() - begin, 3)}

    def _check_expansion(self, job: Job, plane: Plane) -> None:
        """Refuse before anything is computed what cannot be grown."""
        if isinstance(self.options.expand, Expansion):
            try:
                self.options.expand.spacing(plane.pixel_size)
            except ConfigError as error:
                raise InputError(f"{job.path}: {error.message}", error.hint) from None

    def _stack(self, job: Job, source: ImageSource, progress: Progress) -> dict:
        stack = source.stack(self.options.planes)
        facts = process_stack(stack, job, self.segmenter, self.options, self.out, progress)
        return facts | _missing_chunks(*stack.planes)

    def _in_one_piece(self, job: Job, plane: Plane, stamp: list[int], progress: Progress) -> dict:
        image = plane.read()
        measures = self.segmenter.measures
        result = self.segmenter.segment(
            image,
            name=str(job.path),
            channels=plane.all_channels().read() if measures.channels == "all" else None,
            pixel_size=plane.pixel_size,
            progress=progress,
        )
        write_labels(self.out / job.labels, result.labels, overwrite=True)
        write_review(self.out / job.review, find_doubts(result), overwrite=True)
        if self.options.overlay:
            scores = result.table["predicted_iou"].to_numpy()
            told = None
            if "class" in result.table:
                codes = result.table["class"].cat.codes.to_numpy() + 1
                told = ClassColors(self.segmenter.class_colors, codes)
            file = self.out / job.overlay
            write_overlay(file, image, result.labels, scores, overwrite=True, classes=told)
        cells = self._cells(job, plane, result) if self.options.expand is not None else {}
        table = result.table.copy()
        table.attrs[CLASS_COLORS] = {
            name: hex_color(colour) for name, colour in self.segmenter.class_colors.items()
        }
        self._write_formats(self._written(job), result.labels, table, plane)
        table.insert(0, "image", job.image)
        classes = table["class"].value_counts(sort=False).to_dict() if "class" in table else {}
        near = measures.near(table["area"].to_numpy()) if "neighbours" in measures else None
        return {
            **self._facts(job, plane, result, near, classes),
            **cells,
            "review": job.review,
            "columns": list(table),
            "rows": csv_rows(table),
            **put_in_place(job, plane, result.labels, self.options.in_place),
        }

    def _in_tiles(self, job: Job, plane: Plane, stamp: list[int], progress: Progress) -> dict:
        if "roi" in self.options.write:
            check_roi_size(job.path, plane.shape[:2])
        planes = planes_of(self.options.planes, job.facts)
        tile_store = TileStore(self.out / job.tiles, {"settings": self.settings}, stamp)
        compute: Compute | None = None
        if self.cluster is not None:
            recipe = cast(Recipe, self.recipe)
            compute = partial(self.cluster.compute, recipe, job.path, planes)
        result = segment_large(
            plane,
            self.segmenter,
            tile_store,
            self.out / job.labels,
            self.out / job.rows,
            self.out / job.overlay if self.options.overlay else None,
            name=job.image,
            compute=compute,
            progress=progress,
        )
        types = types_of(result.columns, self.options.planes)
        classes = self.segmenter.class_colors
        rows = partial(stream_nuclei, self.out / job.rows, types, classes)
        labels = stream_label_file(self.out / job.labels, result.nuclei, rows, classes)
        self._write_formats(self._written(job), labels, None, plane)
        cells = self._many_cells(job, plane, labels) if self.options.expand is not None else {}
        place = put_in_place(job, plane, labels, self.options.in_place)
        tile_store.clear()
        with suppress(OSError):  # the last one removes the folder of all
            tile_store.folder.parent.rmdir()
        tiles = {"tiles": result.tiles, "blank_tiles": result.blank}
        facts = self._facts(job, plane, result, result.neighbour_radius, result.classes)
        rows_of = {"columns": result.columns, "rows_file": job.rows}
        return {**facts, **tiles, **cells, **rows_of, **place}

    def _cells(self, job: Job, plane: Plane, result: Segmentation) -> dict:
        """Grow the nuclei into cells, write these, and say so in the journal."""
        cells = result.expand(cast(Expansion, self.options.expand))
        files = job.written_of_cells(self.options.write)
        self._write_formats(files, cells.labels, cells.table, plane)
        table = cells.table
        table.insert(0, "image", job.image)
        found = {"columns": list(table), "rows": csv_rows(table)}
        return {"cells_written": files, CELLS: found}

    def _many_cells(self, job: Job, plane: Plane, nuclei: LabelStream) -> dict:
        """The same in tiles."""
        files = job.written_of_cells(self.options.write)
        labels, rows = self.out / files["tiff"], self.out / job.cell_rows
        columns = expand_large(
            plane,
            nuclei,
            self.out / job.labels,
            cast(Expansion, self.options.expand),
            self.segmenter.measures,
            labels,
            rows,
            name=job.image,
        )
        types = types_of(columns, self.options.planes)
        cells = stream_label_file(labels, nuclei.largest, partial(stream_nuclei, rows, types))
        others = {name: file for name, file in files.items() if name != "tiff"}
        self._write_formats(others, cells, None, plane)
        return {"cells_written": files, CELLS: {"columns": columns, "rows_file": job.cell_rows}}

    def _facts(self, job: Job, plane: Plane, result, near: float | None, classes: dict) -> dict:
        """What the journal says of any image that is done."""
        return {
            "status": "ok",
            "nuclei": result.nuclei,
            "predicted_map": round(result.predicted_map, 4),
            "doubtful": result.doubtful,
            **_told(classes, result.dropped),
            "diameter": result.diameter and round(result.diameter, 2),
            "scale": round(result.scale, 4),
            "height": plane.shape[0],
            "width": plane.shape[1],
            "level": plane.level,
            "pixel_size_um": plane.pixel_size,
            **({"channels": plane.source.channels} if plane.source.channels else {}),
            **_missing_chunks(plane),
            **({} if near is None else {"neighbour_radius": round(near, 2)}),
            "labels": job.labels,
            **({"overlay": job.overlay} if self.options.overlay else {}),
            **({"written": written} if (written := self._written(job)) else {}),
        }

    def _written(self, job: Job) -> dict[str, str]:
        return job.written(self.options.write, self.options.mask_name)

    def _write_formats(self, files: dict[str, str], labels, table, plane: Plane) -> None:
        for name, file in files.items():
            name = "ome-tiff" if name == "mask" else name
            copied = self.options.with_image or get_format(name).pictured == "always"
            image = plane if copied else None
            write_as(name, self.out / file, labels, table, plane.pixel_size, True, image)

    def _remove(self, job: Job) -> None:
        names = [job.labels, job.overlay, job.review, job.rows, *self._written(job).values()]
        if self.options.expand is not None:
            names += [job.cell_rows, *job.written_of_cells(self.options.write).values()]
        for name in names:
            with suppress(OSError):
                remove(self.out / name)


def _do_elsewhere(settings: dict, folder: Path, segmenter: Segmenter, job: Job) -> dict:
    """Do an image on a worker, whose current folder may be another."""
    process = Process(segmenter, **settings)
    entry = process(replace(job, path=folder / job.path), lambda share: None)
    return entry | {"path": str(job.path)}


def _told(classes: dict[str, int], dropped: int) -> dict:
    """What the journal says of classes: counts and shares of all nuclei; nothing without them."""
    total = max(1, sum(classes.values()))
    shares = {name: round(count / total, 4) for name, count in classes.items()}
    told = {"classes": classes, "class_shares": shares, "dropped_by_class": dropped}
    return told if classes else {}


def _missing_chunks(*planes: Plane) -> dict:
    """What the journal says of chunks that the file leaves out: nothing if there are all."""
    count = sum(plane.missing_chunks() for plane in planes)
    return {"missing_chunks": count} if count else {}


def _unexpected(path: Path, error: Exception) -> InputError:
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return InputError(f"{path}: does not fit into memory", hint="cut it into parts")
    return InputError(
        f"{path}: failed with {type(error).__name__}: {error}",
        hint="run nucleisplit --debug infer on it and report what is shown",
    )
