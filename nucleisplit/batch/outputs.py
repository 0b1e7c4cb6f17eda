"""The output folder of a batch: where it is, what its files are called, when it may be reused."""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from nucleisplit.batch.journal import Journal
from nucleisplit.batch.parts import Part
from nucleisplit.endings import stem_of
from nucleisplit.errors import ConfigError, InputError, OutputError
from nucleisplit.files import remove
from nucleisplit.images import (
    Plane,
    PlaneChoice,
    Stack,
    is_zarr,
    open_image,
    outermost_zarr,
    output_stems,
    zarr_members,
)
from nucleisplit.labels import check_in_place, get_format, take_back, write_in_place
from nucleisplit.names import one_line, safe_stem
from nucleisplit.options import NAME

RUN = "run.json"
TABLE = "nuclei.csv"
PARQUET = "nuclei.parquet"
H5AD = "nuclei.h5ad"
CELLS = "cells"
"""What the files of cells are called, where those of nuclei are called ``nuclei`` or ``labels``."""
JOURNAL = ".nucleisplit-journal.jsonl"
TILES = ".nucleisplit-tiles"


@dataclass(frozen=True)
class Job:
    """One image of a batch."""

    path: Path
    """The image file, as the user gave it."""
    key: str
    """Its path seen from the output folder: the same image in every run on that folder."""
    image: str
    """Its name in the table: the file name, or the path where two images share a file name."""
    stem: str
    """What its output files begin with; no two images share it."""
    facts: dict = field(default_factory=dict)
    """What ``run.json`` says of where it is: its number in the file, or its well and field."""

    @property
    def labels(self) -> str:
        return f"{self.stem}_labels.tif"

    @property
    def overlay(self) -> str:
        return f"{self.stem}_overlay.png"

    @property
    def review(self) -> str:
        return f"{self.stem}_review.json"

    @property
    def rows(self) -> str:
        """The rows of a large image, from which the table of the run is made."""
        return f".{self.stem}_nuclei.csv"

    @property
    def tiles(self) -> str:
        """Folder with the finished tiles of a large image, while it is computed."""
        return f"{TILES}/{self.stem}"

    @property
    def cell_rows(self) -> str:
        """The same of its cells."""
        return f".{self.stem}_{CELLS}.csv"

    def written(self, formats: Iterable[str], mask_name: str | None = None) -> dict[str, str]:
        """The name of its file in each of the formats asked for beside the label image."""
        files = {name: self.stem + get_format(name).ending for name in formats}
        return files | ({"mask": mask_name.replace(NAME, self.stem)} if mask_name else {})

    def written_of_cells(self, formats: Iterable[str]) -> dict[str, str]:
        """The same of its cells, their label image included."""
        stem = f"{self.stem}_{CELLS}"
        return {name: stem + get_format(name).ending for name in ("tiff", *formats)}


def planes_of(planes: PlaneChoice, entry: dict) -> PlaneChoice:
    """Which plane of one image of a run is meant: of all images of a file each has its number."""
    if planes.scene != "all":
        return planes
    return replace(planes, scene=entry.get("scene"))


def stamp_of(path: Path) -> list[int]:
    """Size and time of change: an image that differs is another image.

    Of an OME-Zarr, a folder, the number of its files and arrays, without label images, and their
    latest change.
    """
    try:
        if path.is_dir():
            members = zarr_members(path)
            return [len(members), max(member.stat().st_mtime_ns for member in members)]
        return [path.stat().st_size, path.stat().st_mtime_ns]
    except (OSError, ValueError):
        return []


def default_out(arguments: Sequence[str | Path], images: Sequence[Path]) -> Path:
    """The output folder when none is given: beside the input, ending in ``-nuclei``.

    Never in an OME-Zarr: of a field of a plate it lies beside the plate.

    One folder ``images/`` gives ``images-nuclei/``, one file ``a.png`` gives ``a-nuclei/``, several
    files of one folder are treated like that folder, anything else gives ``nuclei/`` here.

    >>> default_out(["scans/a.ome.tif"], [Path("scans/a.ome.tif")]).as_posix()
    'scans/a-nuclei'
    """
    given = [outermost_zarr(Path(argument)) for argument in arguments]
    images = list(dict.fromkeys(outermost_zarr(image) for image in images))
    if len(given) == 1 and given[0].is_dir() and given != images:
        source = given[0]
    elif len(images) == 1:
        source = images[0].with_name(safe_stem(stem_of(images[0])))
    elif len({path.parent for path in images}) == 1:
        source = images[0].parent
    else:
        return Path("nuclei")
    if not source.name or source.name == "..":  # ".", "/" or "..": their names are elsewhere
        source = source.resolve()
    return source.with_name(f"{source.name or 'images'}-nuclei")


def plan_jobs(parts: Sequence[Part], out: Path, earlier: Iterable[dict] = ()) -> list[Job]:
    """Give each image its names; images that an earlier run has finished keep theirs.

    Outputs of that earlier run are no images, even when they lie in a folder of images.

    Raises
    ------
    OutputError
        An entry of the earlier run has no names.
    """
    root = out.resolve()
    proposals = output_stems([part.named_after for part in parts])
    known = {entry["key"]: entry for entry in earlier}
    if any(not isinstance(e.get(n), str) for e in known.values() for n in ("key", "image", "stem")):
        raise OutputError(
            f"{out}: the journal of its earlier run is damaged", hint="start again with --overwrite"
        )
    own = {_key(root / name, root) for entry in known.values() for name in output_names(entry)}
    stems = {entry["stem"].casefold() for entry in known.values()}
    names = {entry["image"] for entry in known.values()}
    jobs = {}
    for part, proposal in zip(parts, proposals, strict=True):
        key = _key(part.path.resolve(), root)
        if part.scene is not None:
            key = f"{key}#{part.scene}"
        if key in jobs or key in own:
            continue
        if key in known:
            image, stem = known[key]["image"], known[key]["stem"]
        else:
            name = one_line(part.name)
            image = name if name not in names else one_line(part.full_name)
            stem = _first_free(proposal, stems)
        names.add(image)
        stems.add(stem.casefold())
        jobs[key] = Job(part.path, key, image, stem, part.facts)
    return list(jobs.values())


def _key(path: Path, root: Path) -> str:
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive on Windows
        return path.as_posix()


def _first_free(stem: str, taken: set[str]) -> str:
    """The stem, or the stem with a number, so that case does not tell it from another."""
    counted = (f"{stem}_{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (stem, *counted) if name.casefold() not in taken)


def output_names(entry: dict) -> list[str]:
    """The files, and folders of OME-Zarr, that belong to the entry of one image; never outside
    the output folder."""
    names = [entry.get(name) for name in ("labels", "overlay", "review", "rows_file")]
    cells = entry.get(CELLS)
    if isinstance(cells, dict):
        names.append(cells.get("rows_file"))
    for written in (entry.get("written"), entry.get("cells_written")):
        names += written.values() if isinstance(written, dict) else ()
    return [n for n in names if isinstance(n, str) and n and Path(n).name == n != ".."]


def open_folder(out: Path, *, overwrite: bool, resume: bool) -> tuple[Journal, dict | None]:
    """Look at the output folder before anything is done.

    Returns
    -------
    journal, settings
        The settings are those of the earlier run to resume, None for a new run.

    Raises
    ------
    OutputError
        `out` is a file, or holds an earlier run and neither `overwrite` nor `resume` is given.
    """
    if overwrite and resume:
        raise ConfigError("--overwrite and --resume exclude each other", hint="give one of them")
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file", hint="choose another folder with --out")
    if is_zarr(outermost_zarr(out)):
        raise OutputError(
            f"{out}: lies in the OME-Zarr {outermost_zarr(out)}",
            hint="choose another folder with --out",
        )
    journal = Journal(out / JOURNAL)
    if resume and journal.exists():
        return journal, journal.resume()
    traces = [name for name in (JOURNAL, RUN, TABLE) if (out / name).exists()]
    if traces and not overwrite:
        replace = "--overwrite to replace them"
        remedy = f"add {replace}" if resume else f"add --resume to complete them, or {replace}"
        raise OutputError(f"{out}: holds the results of an earlier run", hint=remedy)
    return journal, None


def check_targets(
    jobs: Iterable[Job],
    out: Path,
    formats: Sequence[str] = (),
    mask_name: str | None = None,
    with_cells: bool = False,
) -> None:
    """Refuse to replace files that no run of ours is known to have written."""
    for job in jobs:
        written = [*job.written(formats, mask_name).values()]
        written += job.written_of_cells(formats).values() if with_cells else ()
        for name in (job.labels, job.overlay, job.review, *written):
            if (out / name).exists():
                raise OutputError(
                    f"{out / name}: exists", hint="choose another --out or add --overwrite"
                )


def check_cells(jobs: Iterable[Job], formats: Sequence[str]) -> None:
    """Refuse an image whose files would be called like those of the cells of another."""
    jobs = list(jobs)
    nuclei = {file.casefold(): job for job in jobs for file in job.written(formats).values()}
    for job in jobs:
        for file in job.written_of_cells(formats).values():
            if other := nuclei.get(file.casefold()):
                raise OutputError(
                    f"{file}: would be of the cells of {job.path} and of the nuclei of "
                    f"{other.path}",
                    hint="rename one, or do them one by one",
                )


def check_images(jobs: Iterable[Job], planes: PlaneChoice, overwrite: bool) -> None:
    """Refuse images that labels cannot be written into; see `check_in_place`."""
    for job in jobs:
        choice = planes_of(planes, job.facts)
        try:
            source = open_image(job.path, choice)
        except InputError:  # which is told when its turn comes
            continue
        with source:
            check_in_place(source, overwrite)


def put_in_place(job: Job, segmented: Plane | Stack, labels, wanted: bool) -> dict[str, str]:
    """Write labels into the OME-Zarr of their image, where that is wanted; what the entry says of
    it."""
    if not wanted:
        return {}
    target = write_in_place(segmented, labels, overwrite=True)
    return {"in_place": target.relative_to(job.path).as_posix()}


def take_back_from(job: Job, entry: dict | None) -> None:
    """Remove the labels that lie in an image by an entry that does not count any more."""
    place = (entry or {}).get("in_place")
    if isinstance(place, str) and ".." not in Path(place).parts and not Path(place).is_absolute():
        with suppress(OSError, InputError, OutputError):
            take_back(job.path / place)


def check_settings(out: Path, before: dict, now: dict) -> None:
    """Refuse to go on with other settings than the run began with."""
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            raise ConfigError(
                f"{out}: was begun with {name} {before.get(name)}, not {now.get(name)}",
                hint="resume with the same options, or use --overwrite or another --out",
            )


def earlier_outputs(out: Path) -> set[str]:
    """Names of the files and folders that an earlier run has written for its images."""
    return {name for entry in _entries(out, Journal(out / JOURNAL)) for name in output_names(entry)}


def _entries(out: Path, journal: Journal) -> list[dict]:
    """The images of an earlier run, from its journal or else its record."""
    entries = []
    if journal.exists():
        try:
            journal.resume()
            entries = list(journal.entries())
        except OutputError:
            pass
    if not entries and (out / RUN).is_file():
        try:
            entries = list(json.loads((out / RUN).read_text(encoding="utf-8"))["images"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            entries = []
    return [entry for entry in entries if isinstance(entry, dict)]


def clear_folder(out: Path, journal: Journal) -> None:
    """Remove the files of an earlier run, and only those; of folders only OME-Zarr."""
    entries = _entries(out, journal)
    tables = [TABLE, PARQUET, H5AD]
    if any(CELLS in entry for entry in entries):
        tables += [table.replace("nuclei", CELLS) for table in tables]
    names = [name for entry in entries for name in output_names(entry)]
    names = [name for name in names if is_zarr(out / name) or not (out / name).is_dir()]
    shutil.rmtree(out / TILES, ignore_errors=True)
    for name in [*names, *tables, RUN, JOURNAL]:
        try:
            remove(out / name)
        except OSError as error:
            raise OutputError(
                f"{out / name}: cannot be removed: {error.strerror}", hint="choose another --out"
            ) from error
