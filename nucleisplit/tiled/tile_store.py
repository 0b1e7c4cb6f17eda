"""The finished tiles of one image, on the disk until they are put together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nucleisplit.files import replacing, write_json
from nucleisplit.measure import as_table
from nucleisplit.tiled.survey import Survey
from nucleisplit.tiled.tile import TileResult

__all__ = ["TileStore"]

_SURVEY = "survey.json"


class TileStore:
    """A folder with the survey of an image and one file per finished tile.

    Every file is written whole or not at all, so a run that ends in any way loses no more than
    the tiles it was at.

    Parameters
    ----------
    folder
        Made when the first file is written.
    task
        Plain values that say how the image is computed: what was kept for another task is removed
        by `open`.
    stamp
        Plain values that change when the file does.

    Attributes
    ----------
    changed : bool
        Whether what `open` found is of a file that has changed since.
    """

    def __init__(self, folder: Path, task: dict, stamp: Sequence[int] = ()) -> None:
        self.folder = folder
        self.changed = False
        self._task = json.loads(json.dumps(task))
        self._stamp = list(stamp)

    def open(self) -> Survey | None:
        """Return the survey of an earlier run on the same task, or begin anew."""
        try:
            kept = json.loads((self.folder / _SURVEY).read_text(encoding="utf-8"))
            if kept["task"] == self._task:
                self.changed = kept["stamp"] != self._stamp
                return Survey.from_json(kept["survey"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self.clear()
        return None

    def start(self, survey: Survey) -> None:
        """Keep the survey: from now on the folder is one to go on with."""
        content = {"task": self._task, "stamp": self._stamp, "survey": survey.to_json()}
        write_json(self.folder / _SURVEY, content, overwrite=True)

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def has(self, row: int, column: int) -> bool:
        """Whether a tile is finished."""
        return self._path(row, column).is_file()

    def save(self, row: int, column: int, result: TileResult) -> None:
        """Keep a finished tile.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        with (
            replacing(self._path(row, column), overwrite=True) as part,
            part.open("wb") as file,
        ):
            np.savez(
                file,
                runs=result.runs,
                table=result.table.to_numpy(np.float64),
                columns=np.array(list(result.table)),
                hits=result.hits,
                counts=np.array(
                    [result.kept, result.missed, result.dropped, result.blank], np.float64
                ),
                thumbnail=result.thumbnail,
                digest=result.digest,
            )

    def load(self, row: int, column: int) -> TileResult | None:
        """Read a finished tile; None when its file is gone or damaged."""
        try:
            with np.load(self._path(row, column), allow_pickle=False) as kept:
                names = kept["columns"].tolist()
                table = as_table(dict(zip(names, kept["table"].T, strict=True)))
                found, missed, dropped, blank = kept["counts"].tolist()
                return TileResult(
                    kept["runs"],
                    table,
                    kept["hits"],
                    int(found),
                    missed,
                    int(dropped),
                    bool(blank),
                    kept["thumbnail"],
                    str(kept["digest"]),
                )
        except MemoryError:
            raise
        except Exception:  # of a dozen types, from zipfile, zlib, numpy and pandas
            return None

    def drop(self, row: int, column: int) -> None:
        """Remove a tile."""
        self._path(row, column).unlink(missing_ok=True)

    def _path(self, row: int, column: int) -> Path:
        return self.folder / f"tile-{row:05d}-{column:05d}.npz"
