"""What ``infer`` left in a folder: the record, the table, and where the images are."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from nucleisplit.batch.outputs import RUN, TABLE, output_names
from nucleisplit.datasets import short_stem
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import PlaneChoice
from nucleisplit.names import bare_cell, brief
from nucleisplit.palette import Color, class_colors
from nucleisplit.review import Doubt, read_review

__all__ = ["Entry", "Run", "read_run"]

_NEEDED = ("image", "label", "area", "predicted_iou", "touches_edge")
_BOX = ("bbox-0", "bbox-1", "bbox-2", "bbox-3")


class _Image(BaseModel):
    """What is used of the entry of an image."""

    model_config = ConfigDict(strict=True)

    image: str
    key: str = ""
    path: str = ""
    status: str = ""
    message: str = ""
    nuclei: int = 0
    scene: int | None = None
    predicted_map: float = -1.0
    pixel_size_um: list[float] | None = Field(None, min_length=2, max_length=2)
    labels: str | None = None
    overlay: str | None = None
    review: str | None = None


class _Model(BaseModel):
    name: str
    classes: dict[str, Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]] = {}


class _Record(BaseModel):
    """What is used of the record of a run."""

    model_config = ConfigDict(strict=True)

    nucleisplit: str = ""
    status: str = ""
    started: str = ""
    model: _Model | None = None
    parameters: dict[str, Any] = {}
    images: list[_Image]


@dataclass(frozen=True, eq=False)
class Entry:
    """One image of a run."""

    folder: Path
    """That of the run."""
    record: dict
    """Its entry in ``run.json``."""
    table: pd.DataFrame
    """Its rows of ``nuclei.csv``."""

    @property
    def name(self) -> str:
        return str(self.record["image"])

    @property
    def ok(self) -> bool:
        return self.record.get("status") == "ok"

    @property
    def image_id(self) -> str:
        """What its label image is called, without ``_labels``: by this the truth is found."""
        return short_stem(Path(self.record.get("labels") or self.name))

    def file(self, kind: str) -> Path | None:
        """The file that holds its ``labels``, ``overlay`` or ``review``; None where none does."""
        name = self.record.get(kind)
        if name not in output_names(self.record) or not (self.folder / name).exists():
            return None
        return self.folder / name

    @property
    def path(self) -> Path | None:
        """Where the image is now; None where it is not to be found."""
        number = f"#{self.record['scene']}" if "scene" in self.record else ""
        keys = [self.record["key"].removesuffix(number)] if "key" in self.record else []
        names = [self.folder / key for key in keys]
        names += [Path(self.record[key]) for key in ("path",) if key in self.record]
        return next((path for path in names if path.exists()), None)

    @property
    def classes(self) -> dict[str, int]:
        """Nuclei of each class, as counted in the table; empty where there are no classes."""
        if "class" not in self.table:
            return {}
        return self.table["class"].value_counts().sort_index().to_dict()

    @property
    def predicted_map(self) -> float:
        """The score to expect of it, 0 to 1; -1 where it failed."""
        return float(self.record.get("predicted_map", -1.0))

    @property
    def pixel_size(self) -> float | None:
        """Side of a square pixel of the same area, um."""
        size = self.record.get("pixel_size_um")
        return float(np.sqrt(size[0] * size[1])) if size else None

    def doubts(self) -> dict[int, Doubt]:
        """The nuclei of its review file, by label; none where there is no such file."""
        path = self.file("review")
        return {doubt.label: doubt for doubt in read_review(path)} if path else {}


@dataclass(frozen=True, eq=False)
class Run:
    """A folder written by ``infer``."""

    folder: Path
    record: dict
    """``run.json``, without its images."""
    entries: tuple[Entry, ...]
    planes: PlaneChoice
    """Which plane was segmented."""

    @property
    def class_colors(self) -> dict[str, Color]:
        """The colours of the classes of its model, and of others that its table has."""
        own = (self.record["model"] or {}).get("classes", {})
        names = dict.fromkeys(name for entry in self.entries for name in entry.classes)
        return class_colors(dict.fromkeys([*own, *sorted(names)]), own)


def read_run(folder: str | Path) -> Run:
    """Read the record and the table of a run.

    Raises
    ------
    InputError
        The folder is none that ``infer`` wrote, or its files do not belong together.
    """
    folder = Path(folder)
    record = _read_record(folder / RUN)
    parameters = record.get("parameters", {})
    if parameters.get("z") in ("each", "3d"):
        raise InputError(f"{folder}: holds stacks (--z {parameters['z']})", "a report shows planes")
    table = _read_table(folder / TABLE)
    images = record.pop("images")
    rows = dict(list(table.groupby("image", sort=False)))
    empty = table.iloc[:0]
    entries = tuple(Entry(folder, e, rows.get(str(e["image"]), empty)) for e in images)
    for entry in entries:
        if entry.record.get("nuclei", 0) != len(entry.table):
            raise InputError(
                f"{folder / TABLE}: has {len(entry.table)} nuclei of {entry.name}, {RUN} "
                f"{entry.record.get('nuclei', 0)}",
                "run infer again",
            )
    try:
        planes = PlaneChoice(**{f.name: parameters.get(f.name) for f in fields(PlaneChoice)})
    except (ConfigError, TypeError) as error:
        raise InputError(
            f"{folder / RUN}: is damaged ({brief(error)})", "run infer again"
        ) from None
    return Run(folder, record, entries, planes)


def _read_record(path: Path) -> dict:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        _Record.model_validate(record)
    except FileNotFoundError as error:
        raise InputError(
            f"{path.parent}: was not written by infer, or is not there (no {RUN})",
            "name its output folder, such as images-nuclei/",
        ) from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}", "check its permissions"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no record of a run", "name a folder that infer wrote") from (
            error
        )
    return {"model": None, "status": "", "started": ""} | record


def _read_table(path: Path) -> pd.DataFrame:
    try:
        texts = {"image": str, "class": str}
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
        if "image" in table:
            table["image"] = table["image"].map(bare_cell, na_action="ignore")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", "run infer again") from error
    except ValueError as error:  # of the parser, or not UTF-8
        raise InputError(f"{path}: is no table of nuclei", "run infer again") from error
    absent = [name for name in (*_NEEDED, *_BOX) if name not in table]
    if absent:
        raise InputError(f"{path}: has no column {absent[0]}", "run infer again")
    return table
