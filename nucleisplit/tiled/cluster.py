"""Compute images, or the tiles of one, on the workers of a dask cluster, here or elsewhere."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nucleisplit import __version__
from nucleisplit.errors import ConfigError, InputError, NucleisplitError
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.model import Bundle
from nucleisplit.options import InferOptions
from nucleisplit.segmenter import Segmenter
from nucleisplit.tiled.survey import Survey
from nucleisplit.tiled.tile import TileResult, segment_tile
from stage1_unet import Tile

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Cluster", "Recipe"]

_TIMEOUT = 20
"""Seconds to wait for a scheduler, and for its first worker."""
_AHEAD = 2
"""Tasks that each thread of a worker is given at a time, so that results do not pile up."""
_RETRIES = 3
"""How often a task that was lost is tried again."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Recipe:
    """All that a worker needs to make the same segmenter, and to check that it is the same."""

    options: InferOptions
    fingerprint: str
    classes: str = ""
    """The fingerprint of the model that tells the classes; empty: none does."""
    version: str = __version__

    @classmethod
    def of(cls, segmenter: Segmenter) -> Recipe:
        """Describe a segmenter that was made from names or folders of models."""
        ensemble, options = segmenter.ensemble, segmenter.options
        found: dict[str, Any] = {
            "model": [_address(model) for model in options.models],
            "weights": ensemble.weights,
            "backend": ensemble.backend,
        }
        if not isinstance(options.classes, bool):
            found["classes"] = _address(options.classes)
        return cls(replace(options, **found), ensemble.fingerprint, segmenter.told_by)

    def make(self) -> Segmenter:
        """Load the model.

        Raises
        ------
        ConfigError
            The program or the model is another one here.
        """
        if self.version != __version__:
            raise ConfigError(
                f"has nucleisplit {__version__}, not {self.version}", hint="install the same there"
            )
        segmenter = Segmenter(options=self.options)
        if (segmenter.ensemble.fingerprint, segmenter.told_by) != (self.fingerprint, self.classes):
            raise ConfigError(
                f"has another model {', '.join(map(str, self.options.models))}, or of its classes",
                hint="install the same there",
            )
        return segmenter


def _address(model: str | Path | Bundle) -> str:
    """Name a model so that workers in other folders find it."""
    place = model.path if isinstance(model, Bundle) else Path(model)
    return str(place.resolve() if place.is_dir() else model)


class Cluster:
    """Workers that compute images or tiles; use it as a context manager.

    They find images, models and the output folder at the same paths as this process, so they need
    the same file system.

    Parameters
    ----------
    address
        Of a dask scheduler, such as ``tcp://node1:8786``; None starts workers on this machine.
    workers
        How many to start here.

    Raises
    ------
    ConfigError
        No scheduler answers, or it has no workers.
    """

    def __init__(self, address: str | None = None, workers: int = 1) -> None:
        import distributed

        # Each lost connection is logged with its traceback; we say it in one line.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        self._address = address or "this machine"
        self._local = None
        if address is None:
            threads = max(1, (os.cpu_count() or 1) // workers)
            environment = dict.fromkeys(("OMP_NUM_THREADS", "OPENVINO_THREADS"), str(threads))
            self._local = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=":0",
                env=environment,
            )
        try:
            self.client: Client = distributed.Client(self._local or address, timeout=_TIMEOUT)
            self.client.wait_for_workers(1, timeout=_TIMEOUT)
        except (OSError, TimeoutError, asyncio.TimeoutError, ValueError) as error:
            where = self._address
            started = hasattr(self, "client")
            self.close()
            raise ConfigError(
                f"{where}: has no workers" if started else f"{where}: no scheduler answers",
                hint="start dask worker and dask scheduler, or leave out --dask",
            ) from error

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the scheduler; workers that were started here end."""
        if hasattr(self, "client"):
            self.client.close()
        if self._local is not None:
            self._local.close()

    def each(
        self,
        recipe: Recipe,
        function: Callable[[Segmenter, Item], Result],
        items: Iterable[Item],
        name: Callable[[Item], str],
    ) -> Iterator[tuple[Item, Result | NucleisplitError]]:
        """Call a function with the segmenter and each item, on the workers, in any order.

        The items of a worker that is lost go to the others.

        Parameters
        ----------
        recipe
            Of the segmenter.
        function, items
            They are sent to the workers.
        name
            What messages call an item.

        Yields
        ------
        item, result
            What the function returned, or the error of ours that it raised; an `InputError` where
            the workers died of an item time and again.

        Raises
        ------
        ConfigError
            The scheduler is lost.
        """
        from distributed import as_completed

        queue = iter(items)
        waiting: dict[Any, Item] = {}

        def submit(count: int) -> list[Future]:
            futures = []
            for item in islice(queue, count):
                task = (_call, recipe, function, item)
                future = self.client.submit(*task, retries=_RETRIES, pure=False)
                waiting[future.key] = item
                futures.append(future)
            return futures

        try:
            running = as_completed(submit(_AHEAD * max(1, sum(self.client.nthreads().values()))))
            for future in running:
                item = waiting.pop(future.key)
                yield item, self._result(future, name(item))
                for more in submit(1):
                    running.add(more)
        except Exception as error:
            self._check_scheduler(error)
            raise

    def _result(self, future: Future, name: str) -> Any:
        try:
            return future.result()
        except Exception as error:  # what dask raises of workers that die time and again
            self._check_scheduler(error)
            return InputError(
                f"{name} failed on the cluster: {type(error).__name__}: {error}",
                hint="look at the log of the workers, then --resume",
            )

    def _check_scheduler(self, error: Exception) -> None:
        """Raise `ConfigError` where an error means that the scheduler is lost."""
        from distributed.comm import CommClosedError

        lost = isinstance(error, (CancelledError, CommClosedError))
        if lost or self.client.status != "running":
            raise ConfigError(
                f"{self._address}: the scheduler is lost", hint="start it again, then --resume"
            ) from error

    def compute(
        self,
        recipe: Recipe,
        path: Path,
        planes: PlaneChoice,
        survey: Survey,
        tiles: dict[tuple[int, int], Tile],
        shrink: int,
    ) -> Iterator[tuple[tuple[int, int], TileResult]]:
        """Compute tiles, as `segment_tile` does, in any order.

        Raises
        ------
        ConfigError
            The scheduler is lost.
        NucleisplitError
            A tile fails on a worker, for a reason of its own, or time and again.
        """
        function = partial(_compute_tile, path.absolute(), planes, survey, shrink)
        found = self.each(recipe, function, tiles.items(), lambda item: f"{path}: a tile")
        for (place, _), result in found:
            if isinstance(result, NucleisplitError):
                raise result
            yield place, result


def _call(
    recipe: Recipe, function: Callable[[Segmenter, Item], Result], item: Item
) -> Result | NucleisplitError:
    """Do one item on a worker; an error that a second try would not mend is returned."""
    from distributed import get_worker

    try:
        return function(_segmenter(recipe), item)
    except ConfigError as error:
        return ConfigError(f"{get_worker().address}: {error.message}", error.hint)
    except NucleisplitError as error:
        return error


def _compute_tile(
    path: Path,
    planes: PlaneChoice,
    survey: Survey,
    shrink: int,
    segmenter: Segmenter,
    item: tuple[tuple[int, int], Tile],
) -> TileResult:
    with open_image(path, planes) as source:
        return segment_tile(source.plane(planes), item[1], survey, segmenter, shrink)


@lru_cache(maxsize=1)
def _segmenter(recipe: Recipe) -> Segmenter:
    return recipe.make()
