"""Backends agree: most pixels exactly, almost all within one step of the maps."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from stage1_unet import NetworkConfig, PredictConfig, Predictor, build_network, processor
from stage1_unet.backends import BackendError, list_candidates, open_backend
from stage1_unet.backends import choose as choosing
from stage1_unet.backends.cached import cached_graph
from stage1_unet.backends.convert import convert_network
from stage1_unet.backends.graph import (
    import_openvino,
    read_graph,
    save_graph,
)
from stage1_unet.backends.quantize import first_convolutions

pytest.importorskip("openvino")

STEP = 1 / 255
CPU = "cpu"
SHARES = np.ones((1, 3), np.float32)


def make_network(**fields):
    """A network with maps that vary: fresh weights, statistics of a few batches."""
    torch.manual_seed(0)
    network = build_network(NetworkConfig(**({"widths": (4, 8, 8)} | fields)))
    with torch.no_grad():
        for _ in range(20):
            network(torch.rand(4, 3, 32, 32))
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return make_network()


def random_image(shape=(70, 45)):
    return np.random.default_rng(0).random((*shape, 3), dtype=np.float32)


def check(maps, expected, bound):
    """`bound`: steps that 99.9 % of the pixels may differ by."""
    assert expected.std() > 0.01
    assert np.percentile(np.abs(maps - expected), 99.9) <= bound * STEP + 1e-6


def test_openvino_agrees_with_torch(network):
    for tta, shape in [("none", (70, 45)), ("none", (1, 3)), ("d4", (70, 45))]:
        config = PredictConfig(tta=tta, rescale=False, tile=64, halo=8)
        image = random_image(shape)
        expected, maps = (
            Predictor(network, config, "cpu", backend=backend).predict(image).maps
            for backend in ("torch", "openvino")
        )
        assert np.abs(maps - expected).max() <= STEP + 1e-6
        assert np.mean(maps != expected) < 0.001
    rough = Predictor(network, config, "cpu", backend="openvino-bf16").predict(image).maps
    check(rough, expected, 4)


@pytest.mark.parametrize(
    "fields",
    [
        {"head": "softmax"},
        {"channels": ("body", "separation"), "distance": True},
        {"architecture": "fpn", "encoder": "mobilenet_v2"},
    ],
)
def test_networks_of_every_kind_agree(network, fields):
    both = [network, make_network(**fields)]
    config = PredictConfig(rescale=False)
    expected, maps = (
        Predictor(both, config, "cpu", [3, 1], backend=backend).predict(random_image()).maps
        for backend in ("torch", "openvino")
    )
    check(maps, expected, 1)


def test_maps_do_not_depend_on_what_was_computed_before(network):
    predictor = Predictor(network, device="cpu", backend="openvino")
    image = random_image((64, 64))
    first = predictor.predict(image).maps
    for side in (24, 40, 72, 104):
        predictor.predict(random_image((side, side)))
    assert np.array_equal(predictor.predict(image).maps, first)
    assert np.array_equal(Predictor(network, backend="openvino").predict(image).maps, first)


class Frozen(nn.Module):
    """A network that computes what tracing does not follow."""

    stride = 8
    config = NetworkConfig()

    def forward(self, x):
        return x * float(x.shape[2])


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_memory_that_was_given_back_is_taken_again(network, backend):
    predictor = Predictor(network, device="cpu", backend=backend)
    batch = np.random.default_rng(0).random((1, 3, 2048, 2048), np.float32)
    before = predictor.backend(batch)
    held = _held()
    predictor.backend.release()
    if backend == "openvino" and held:
        assert held - _held() > batch.nbytes
    assert np.array_equal(predictor.backend(batch), before)


def _held() -> int:
    """Bytes of memory that belong to no file, where the system tells it."""
    rollup = Path("/proc/self/smaps_rollup")
    if not rollup.is_file():
        return 0
    found = re.search(r"Anonymous:\s+(\d+) kB", rollup.read_text())
    return int(found[1]) * 1024 if found else 0


def test_a_network_that_cannot_be_converted():
    with pytest.raises(BackendError, match="computes other maps"):
        open_backend("openvino", [Frozen()], SHARES, CPU)
    assert open_backend("auto", [Frozen()], SHARES, CPU).name == "torch"


def test_without_openvino(network, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "openvino"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BackendError, match="openvino cannot be imported"):
        open_backend("openvino", [network], SHARES, CPU)
    assert open_backend("auto", [network], SHARES, CPU).name == "torch"


def test_candidates(monkeypatch):
    assert list_candidates("cuda", True) == ["torch"]
    monkeypatch.setattr(choosing.platform, "machine", lambda: "AMD64")
    for has, quantized, expected in [
        ({"avx512_vnni": True, "avx512_bf16": True}, True, ["int8", "bf16"]),
        ({"avx512_vnni": True, "avx512_bf16": False}, True, ["int8"]),
        ({"avx512_vnni": True}, False, []),
        ({}, True, ["int8"]),
    ]:
        there = frozenset(name for name in has if has[name])
        monkeypatch.setattr(processor, "list_instructions", lambda there=there: there)
        names = [f"openvino-{name}" for name in expected]
        assert list_candidates(CPU, quantized) == [*names, "openvino", "torch"]
    monkeypatch.setattr(choosing.platform, "machine", lambda: "arm64")
    assert list_candidates(CPU, True) == ["torch"]


@pytest.mark.parametrize(
    ("name", "device", "message"),
    [
        ("onnx", "cpu", "not one of auto, torch"),
        ("openvino", "cuda", "computes on the CPU, not on cuda"),
        ("openvino-int8", "cpu", "holds no network in int8"),
    ],
)
def test_backends_that_are_not_there(network, name, device, message):
    with pytest.raises(BackendError, match=message):
        open_backend(name, [network], SHARES, device)


def test_a_graph_is_kept_in_one_file(network, tmp_path):
    path = tmp_path / "graph"
    save_graph(path, convert_network(network))
    assert [file.name for file in tmp_path.iterdir()] == ["graph"]
    assert read_graph(path).is_dynamic()
    content = bytearray(path.read_bytes())
    for damaged in (content[:-1], content[:-9] + b"x" + content[-8:], b"", b"{}"):
        path.write_bytes(damaged)
        with pytest.raises(BackendError, match="graph: "):
            read_graph(path)
    with pytest.raises(BackendError, match="cannot be read"):
        read_graph(tmp_path / "none")


def test_the_first_convolutions_are_those_before_which_there_are_few(network):
    graph = convert_network(network)
    named = {n: first_convolutions(graph, n) for n in (1, 3)}
    assert len(named[1]) == 1 and "stem" in named[1][0]
    assert set(named[1]) < set(named[3])
    assert not any("up" in name or "head" in name for name in named[3])


def test_converted_networks_are_cached(network, tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    folder = tmp_path / "cache"
    calls = []

    def load():
        calls.append(1)
        return network

    cached_graph(load, "old-0", [blocked, folder])
    cached_graph(load, "old-1", [blocked, folder])
    assert len(list(folder.iterdir())) == len(calls) == 2
    cached_graph(load, "new-0", [blocked, folder])
    (file,) = folder.iterdir()
    assert file.name.startswith("new-0-openvino-2")
    written = file.read_bytes()

    calls.clear()
    cached_graph(load, "new-0", [blocked, folder])
    assert not calls
    file.write_bytes(written[:100])
    cached_graph(load, "new-0", [blocked, folder])
    assert calls == [1] and read_graph(file).is_dynamic()
    cached_graph(load, "new-0", [blocked])
    assert calls == [1, 1] and blocked.read_bytes() == b""


def test_openvino_reports_nothing():
    had = "openvino_telemetry" in sys.modules
    import_openvino()
    assert ("openvino_telemetry" in sys.modules) == had
