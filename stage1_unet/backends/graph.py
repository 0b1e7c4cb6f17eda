"""A network as a graph of OpenVINO: kept in a file, made ready to compute."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import cast

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .base import BackendError

_KERNELS = 500
"""Most kernels that are kept for sizes seen before; a network needs about forty for each size."""


def import_quietly(name: str):
    """Import OpenVINO or NNCF, without their reporting of it to their makers.

    Raises
    ------
    BackendError
        It is not installed, or does not run here.
    """
    silenced = "openvino_telemetry" not in sys.modules
    try:
        if silenced:
            # looks as if it were not installed
            cast(dict, sys.modules)["openvino_telemetry"] = None
        return import_module(name)
    except Exception as error:  # a library that does not load may raise anything
        raise BackendError(f"{name} cannot be imported ({error})") from error
    finally:
        if silenced:
            del sys.modules["openvino_telemetry"]


def import_openvino():
    """Import OpenVINO, see `import_quietly`."""
    return import_quietly("openvino")


@cache
def _core():
    """The one core of this process, kept to its end.

    Each core gives its thread another stack for signals. Of several that go, one may leave behind
    the stack of another that is gone, and the next signal (Ctrl-C) then ends in a crash.
    """
    return import_openvino().Core()


def compile_graph(graph, precision: str):
    """Make a graph ready to compute on as many cores as torch would.

    Its threads are not bound to cores: several processes would choose the same ones.
    """
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": _threads(),
        "ENABLE_CPU_PINNING": False,
        "CPU_RUNTIME_CACHE_CAPACITY": _KERNELS,
    }
    import_openvino()
    return _core().compile_model(graph, "CPU", settings)


def _threads() -> int:
    """As many as torch would take: what it was told, or ``OMP_NUM_THREADS``; 0 for all cores."""
    if "torch" in sys.modules:
        return sys.modules["torch"].get_num_threads()
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(told) if told.isdecimal() else 0


def save_graph(path: Path, graph, half: bool = False) -> None:
    """Write a graph to one file, whole or not at all; `half` keeps real numbers in 16 bits."""
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "graph.xml"
        import_openvino().save_model(graph, xml, compress_to_fp16=half)
        text, weights = xml.read_text("utf-8"), np.fromfile(xml.with_suffix(".bin"), np.uint8)
    metadata = {"graph": text, "sha256": _digest(text, weights.tobytes())}
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(save({"weights": weights}, metadata))
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def read_graph(path: Path):
    """Read a graph written by `save_graph`.

    Raises
    ------
    BackendError
        The file is missing, no graph, or has changed.
    """
    import_openvino()
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            weights = file.get_tensor("weights").tobytes()
        text = metadata["graph"]
        if _digest(text, weights) != metadata["sha256"]:
            raise BackendError(f"{path}: has changed since it was written")
        return _core().read_model(text.encode(), weights)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise BackendError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error


def _digest(text: str, weights: bytes) -> str:
    return hashlib.sha256(text.encode() + weights).hexdigest()
