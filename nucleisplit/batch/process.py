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

from nucleisplit.batch.outputs import Job, planes_of, stamp_of
from nucleisplit.batch.process_stack import process_stack
from nucleisplit.batch.run_table import types_of
from nucleisplit.errors import Cancelled, ConfigError, InputError, NucleisplitError, OutputError
from nucleisplit.files import remove
from nucleisplit.images import STACKS, ImageSource, Plane, image_size, open_image
from nucleisplit.labels import check_roi_size, stream_label_file, write_as, write_labels
from nucleisplit.options import BatchOptions
from nucleisplit.overlay import ClassColors, write_overlay
from nucleisplit.review import find_doubts, write_review
from nucleisplit.segmenter import Segmenter
from nucleisplit.tables import csv_rows, stream_nuclei
from nucleisplit.tiled import Cluster, Compute, Recipe, TileStore, is_large, segment_large
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
                column = result.table["class"].cat
                told = ClassColors(list(column.categories), column.codes.to_numpy() + 1)
            file = self.out / job.overlay
            write_overlay(file, image, result.labels, scores, overwrite=True, classes=told)
        self._write_formats(job, result.labels, result.table, plane)
        table = result.table.copy()
        table.insert(0, "image", job.image)
        classes = table["class"].value_counts(sort=False).to_dict() if "class" in table else {}
        near = measures.near(table["area"].to_numpy()) if "neighbours" in measures else None
        return {
            **self._facts(job, plane, result, near, classes),
            "review": job.review,
            "columns": list(table),
            "rows": csv_rows(table),
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
        classes = tuple(result.classes)
        rows = partial(stream_nuclei, self.out / job.rows, types, classes)
        labels = stream_label_file(self.out / job.labels, result.nuclei, rows, classes)
        self._write_formats(job, labels, None, plane)
        tile_store.clear()
        with suppress(OSError):  # the last one removes the folder of all
            tile_store.folder.parent.rmdir()
        tiles = {"tiles": result.tiles, "blank_tiles": result.blank}
        facts = self._facts(job, plane, result, result.neighbour_radius, result.classes)
        return {**facts, **tiles, "columns": result.columns, "rows_file": job.rows}

    def _facts(self, job: Job, plane: Plane, result, near: float | None, classes: dict) -> dict:
        """What the journal says of any image that is done."""
        return {
            "status": "ok",
            "nuclei": result.nuclei,
            "predicted_map": round(result.predicted_map, 4),
            "doubtful": result.doubtful,
            **({"classes": classes} if classes else {}),
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

    def _write_formats(self, job: Job, labels, table, plane: Plane) -> None:
        for name, file in self._written(job).items():
            name = "ome-tiff" if name == "mask" else name
            write_as(name, self.out / file, labels, table, plane.pixel_size, True)

    def _remove(self, job: Job) -> None:
        names = (job.labels, job.overlay, job.review, job.rows)
        for name in (*names, *self._written(job).values()):
            with suppress(OSError):
                remove(self.out / name)


def _do_elsewhere(settings: dict, folder: Path, segmenter: Segmenter, job: Job) -> dict:
    """Do an image on a worker, whose current folder may be another."""
    process = Process(segmenter, **settings)
    entry = process(replace(job, path=folder / job.path), lambda share: None)
    return entry | {"path": str(job.path)}


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
