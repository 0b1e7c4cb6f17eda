"""What is told of the environment, by the parts and as a whole."""

import os
from pathlib import Path

import numpy as np
import pytest

import nucleisplit
from nucleisplit.environment import caches, describe_environment, hardware, software
from nucleisplit.environment import summary as survey
from nucleisplit.environment.backends import describe_backends


def test_program_and_libraries():
    program = software.describe_program()
    assert program["version"] == nucleisplit.__version__
    assert Path(program["folder"]) == Path(nucleisplit.__file__).parent
    libraries = software.describe_libraries()
    assert libraries["numpy"] == np.__version__
    assert {"torch", "lightgbm", "click"} <= set(libraries)


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


@pytest.fixture
def requirements(monkeypatch):
    """Metadata of a package and of what it needs."""
    versions = {"numpy": "2.0", "dask": "1.0"}

    class About:
        def get_all(self, name):
            return ["cluster", "parquet", "test"]

    def version(name):
        if name not in versions:
            raise software.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(software, "requires", lambda name: REQUIRES[name])
    monkeypatch.setattr(software, "metadata", lambda name: About())
    monkeypatch.setattr(software, "version", version)


def test_what_is_missing_is_none(requirements):
    assert software.describe_libraries() == {"absent-one": None, "numpy": "2.0"}
    assert software.describe_extras() == {
        "cluster": {"dask": "1.0", "distributed-absent": None},
        "parquet": {"pyarrow-absent": None},
    }


def test_a_folder_that_is_not_installed_needs_nothing(monkeypatch):
    def absent(name):
        raise software.PackageNotFoundError(name)

    monkeypatch.setattr(software, "requires", absent)
    monkeypatch.setattr(software, "metadata", absent)
    assert software.describe_libraries() == {}
    assert software.describe_extras() == {}


def test_processor_and_devices(monkeypatch):
    import torch

    known = {"avx2": True, "avx512_vnni": True, "amx_int8": False, "l2_cache_size": 1}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    processor = hardware.describe_processor()
    assert processor["instructions"] == ["AVX2", "AVX512-VNNI"]
    assert processor["cores"] == os.cpu_count() and processor["name"]
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert hardware.describe_processor()["instructions"] is None
    assert hardware.describe_devices()[0]["name"] == "cpu"


@pytest.mark.parametrize(
    ("text", "limit"), [("1048576\n", 1048576), ("max\n", None), ("9223372036854771712", None)]
)
def test_memory_and_the_limit_of_a_container(tmp_path, text, limit):
    (tmp_path / "memory.max").write_text(text)
    memory = hardware.describe_memory((str(tmp_path / "memory.max"), str(tmp_path / "none")))
    assert memory["limit"] == limit
    assert memory["total"] > 2**26


def test_backends_are_tried(model):
    told = describe_backends(model)
    assert told["model"] == str(model)
    assert told["errors"]["torch"] is None
    assert told["errors"]["openvino-int8"] == "the model holds no network in int8"
    assert told["errors"][told["backend"]] is None
    assert told["reason"]


def test_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "f.nbc").write_bytes(b"12345")
    (tmp_path / "deep" / "f.txt").write_bytes(b"1")
    first, *others = caches.describe_caches()
    assert first == {
        "path": str(tmp_path),
        "content": "code compiled by numba",
        "exists": True,
        "bytes": 5,
    }
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    patterns = [entry["path"] for entry in caches.describe_caches()[:2]]
    assert all(Path(pattern).parts[-2:] == ("**", "__pycache__") for pattern in patterns)
    names = [entry["path"] for entry in others]
    assert any(name.endswith(".default.openvino") for name in names)
    assert [entry["content"] for entry in others] == ["networks of default for OpenVINO"] * 2


def test_however_much_is_broken_the_rest_is_told(monkeypatch):
    def broken():
        raise OSError("libcuda.so:\ncannot open")

    def quick():
        return {"torch": "2.4", "numpy": None}

    monkeypatch.setattr(hardware, "describe_devices", broken)
    monkeypatch.setattr("nucleisplit.environment.backends.describe_backends", broken)
    monkeypatch.setattr(software, "describe_libraries", quick)
    told = describe_environment()
    assert told["devices"] is None and told["backends"] is None
    assert told["memory"]["total"]
    assert told["problems"] == [
        "devices: libcuda.so: cannot open",
        "backends: libcuda.so: cannot open",
        "numpy is not installed",
    ]
    assert set(told) == {*survey._PARTS, "problems"}
