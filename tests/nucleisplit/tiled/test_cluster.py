"""Tiles on real workers, on the loopback interface."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.errors import ConfigError, InputError
from nucleisplit.images import PlaneChoice, open_image
from nucleisplit.segmenter import Segmenter
from nucleisplit.tiled import Cluster, Recipe, TileStore, segment_large
from nucleisplit.tiled import cluster as module

FILES = ("labels.tif", "nuclei.csv")


@pytest.fixture(scope="module")
def cluster():
    with Cluster(workers=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def run(tmp_path_factory, field, segmenter, model):
    """Segment the field: with a cluster, or here; the answer and the files."""

    def run(cluster=None, change=lambda recipe: recipe, **options):
        maker = segmenter(256)
        recipe = change(Recipe.of(maker))

        def compute(*what):
            return cluster.compute(recipe, field, PlaneChoice(), *what)

        folder = tmp_path_factory.mktemp("run")
        files = [folder / file for file in FILES]
        tile_store = TileStore(folder / "tiles", {})
        options |= {"compute": cluster and compute}
        answer = segment_large(source.plane(), maker, tile_store, *files, **options)
        return answer, [file.read_bytes() for file in files]

    with open_image(field) as source:
        yield run


@pytest.fixture(scope="module")
def here(run):
    return run()


def test_workers_give_the_same_even_if_one_is_killed(run, here, cluster):
    before = cluster.client.run(os.getpid)
    victims = list(before.values())[:1]

    def kill(share):
        if share > 0.3 and victims:
            os.kill(victims.pop(), signal.SIGKILL)

    assert run(cluster, progress=kill) == here
    assert not victims


def test_a_scheduler_elsewhere(run, here, cluster):
    with Cluster(cluster.client.scheduler.address) as there:
        assert run(there) == here


def test_a_worker_with_another_program_or_model(run, cluster):
    from dataclasses import replace

    with pytest.raises(
        ConfigError, match="tcp://.*: has nucleisplit .*, not 0.0; install the same"
    ):
        run(cluster, lambda recipe: replace(recipe, version="0.0"))
    with pytest.raises(ConfigError, match="tcp://.*: has another model .*; install the same"):
        run(cluster, lambda recipe: replace(recipe, fingerprint="f"))


def test_a_worker_that_does_not_see_the_image(run, cluster, field):
    moved = field.with_name("moved.tif")
    with pytest.raises(InputError, match="field.tif"):
        field.rename(moved)
        try:
            run(cluster)
        finally:
            moved.rename(field)


@pytest.mark.parametrize("weights", [[1, 2], (1, 2), np.array([1, 2])])
def test_a_recipe_with_weights_is_known_again(model, weights):
    recipe = Recipe.of(Segmenter([model, model], device="cpu", backend="torch", weights=weights))
    assert hash(recipe) == hash(pickle.loads(pickle.dumps(recipe)))
    assert module._segmenter(recipe).ensemble.weights == [1, 2]


SCHEDULER = """
import asyncio
from distributed import Scheduler, Worker

async def serve():
    async with Scheduler(port=0, dashboard=False, dashboard_address=None) as scheduler:
        async with Worker(scheduler.address, nthreads=1):
            print(scheduler.address, flush=True)
            await asyncio.sleep(600)

asyncio.run(serve())
"""


def test_a_scheduler_that_is_lost(monkeypatch, capfd):
    monkeypatch.setattr(module, "_call", lambda recipe, function, item: item)
    words = [sys.executable, "-c", SCHEDULER]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        address = server.stdout.readline().decode().strip()
        try:
            with Cluster(address) as there:
                what = (None, Path("a.tif"), None, None)
                found = there.compute(*what, {(0, k): k for k in range(99)}, 1)
                next(found)
                server.kill()
                with pytest.raises(ConfigError, match=rf"{address}: the scheduler is lost; start"):
                    list(found)
                with pytest.raises(ConfigError, match="the scheduler is lost"):
                    list(there.compute(*what, {(0, 0): 0}, 1))
        finally:
            server.kill()
    assert "Traceback" not in capfd.readouterr().err


def test_no_scheduler(monkeypatch):
    monkeypatch.setattr(module, "_TIMEOUT", 0.5)
    with pytest.raises(ConfigError, match="tcp://127.0.0.1:9: no scheduler answers"):
        Cluster("tcp://127.0.0.1:9")


def test_the_command(tmp_path, field, model):
    words = ["infer", field, "--out", tmp_path / "a", "--tile", 256, "--model", model]
    for extra in (["--out", tmp_path / "a"], ["--out", tmp_path / "b", "--workers", 1]):
        result = CliRunner().invoke(main, [str(word) for word in (*words, *extra)])
        assert result.exit_code == 0, result.output
    for file in ("field_labels.tif", "nuclei.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    both = [str(word) for word in (*words, "--workers", 2, "--dask", "tcp://a:1")]
    assert CliRunner().invoke(main, both).exit_code == 2
