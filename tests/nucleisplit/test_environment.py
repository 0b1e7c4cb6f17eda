"""What is told of the environment, by the parts and as a whole."""

import os
from pathlib import Path

import numpy as np
import pytest

import nucleisplit
from nucleisplit import environment
from nucleisplit.environment import describe_environment

REQUIRES = {
    "nucleisplit": [
        "numpy>=1.26",
        "absent-one>=2",
        'tomli-absent>=2.0; python_version < "3.0"',
        'dask[distributed]>=2024.8; extra == "cluster"',
        'pyarrow-absent>=15; extra == "parquet"',
        'pytest>=8; extra == "test"',
    ],
    "dask": ["click>=8", 'distributed-absent==1; extra == "distributed"'],
}


def test_program_and_libraries():
    program = environment._program()
    assert program["version"] == nucleisplit.__version__
    assert Path(program["folder"]) == Path(nucleisplit.__file__).parent
    needed = environment._libraries()["needed"]
    assert needed["numpy"] == np.__version__
    assert {"click", "numba", "pandas"} <= set(needed)


def test_what_is_missing_is_none(monkeypatch):
    versions = {"numpy": "2.0", "dask": "1.0"}

    class About:
        def get_all(self, name):
            return ["cluster", "parquet", "test"]

    def version(name):
        if name not in versions:
            raise environment.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(environment, "requires", lambda name: REQUIRES[name])
    monkeypatch.setattr(environment, "metadata", lambda name: About())
    monkeypatch.setattr(environment, "version", version)
    assert environment._libraries() == {
        "needed": {"absent-one": None, "numpy": "2.0"},
        "cluster": {"dask": "1.0", "distributed-absent": None},
        "parquet": {"pyarrow-absent": None},
    }


def test_a_folder_that_is_not_installed_needs_nothing(monkeypatch):
    def absent(name):
        raise environment.PackageNotFoundError(name)

    monkeypatch.setattr(environment, "requires", absent)
    monkeypatch.setattr(environment, "metadata", absent)
    assert environment._libraries() == {"needed": {}}


def test_processor_and_devices(monkeypatch):
    import torch

    import stage1_unet

    monkeypatch.setattr(stage1_unet, "list_instructions", lambda: {"avx512_vnni", "avx2", "fma"})
    processor = environment._processor()
    assert processor["instructions"] == ["avx2", "avx512_vnni"]
    assert 1 <= processor["cores"] <= os.cpu_count() and processor["name"]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert environment._devices()["cpu"] == "3 threads"


@pytest.mark.parametrize(("text", "limited"), [("1073741824\n", True), ("max\n", False)])
def test_memory_of_a_container(monkeypatch, tmp_path, text, limited):
    (tmp_path / "memory.max").write_text(text)
    monkeypatch.setattr(environment, "_LIMITS", (str(tmp_path / "memory.max"), "/none"))
    memory = environment._processor()["memory"]
    assert memory == 1 if limited else memory > 0


def test_backends_are_tried(monkeypatch, model):
    from nucleisplit.model import load_bundle

    monkeypatch.setattr("nucleisplit.model.load_bundle", lambda name: load_bundle(model))
    told = environment._backends()
    assert told["torch"] == "works"
    assert told["openvino-int8"] == "the model holds no network in int8"
    assert told[told["auto"].split()[0]] == "works"


def test_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "f.nbc").write_bytes(bytes(1_200_000))
    (tmp_path / "deep" / "f.txt").write_bytes(bytes(500_000))
    told = environment._caches()
    assert told.pop(str(tmp_path)) == "1.2 MB of code compiled by numba"
    assert any(name.endswith(".default.openvino") for name in told)
    assert all(text.endswith("MB of networks for OpenVINO") for text in told.values())
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    patterns = list(environment._caches())[:2]
    assert all(Path(pattern).parts[-2:] == ("**", "__pycache__") for pattern in patterns)


def test_however_much_is_broken_the_rest_is_told(monkeypatch):
    def broken():
        raise OSError("libcuda.so:\ncannot open")

    libraries = {"needed": {"torch": "2.4", "numpy": None}, "parquet": {"pyarrow": None}}
    monkeypatch.setattr(environment, "_devices", broken)
    monkeypatch.setattr(environment, "_backends", broken)
    monkeypatch.setattr(environment, "_libraries", lambda: libraries)
    told = describe_environment()
    assert told["devices"] is None and told["backends"] is None
    assert told["processor"]["machine"]
    assert told["problems"] == [
        "devices: libcuda.so: cannot open",
        "backends: libcuda.so: cannot open",
        "numpy is not installed",
    ]
