"""Networks in int8: made, checked, kept with the model, used and refused."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from nucleisplit.errors import BundleError, ConfigError, DatasetError
from nucleisplit.model import add_quantized, load_bundle
from nucleisplit.model.ensemble import Ensemble
from nucleisplit.training import quantization as quantizing
from nucleisplit.training.quantization import quantize_model

pytest.importorskip("openvino")


@pytest.fixture
def copy(model, tmp_path):
    return shutil.copytree(model, tmp_path / "copy")


@pytest.fixture
def data(tmp_path, spots):
    for seed in range(6):
        for folder, array in zip(("images", "labels"), spots(seed)):
            path = tmp_path / "data" / folder / f"{seed}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array.astype(np.uint8)).save(path)
    return tmp_path / "data"


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_model_is_quantised(copy, data, spots):
    pytest.importorskip("nncf")
    before = load_bundle(copy).fingerprint
    lines = []
    bundle = quantize_model(copy, data, max_cost=1, say=lines.append)
    assert bundle.fingerprint != before
    assert bundle.manifest.quantized == ("network.int8.safetensors",)
    scores = bundle.manifest.scores
    assert scores["trees"] == {"map": 0.5} and scores["int8"]["images"] == 3
    assert "mAP of 3 images" in lines[-1]
    image, _ = spots(9)
    exact, rough = (
        Ensemble([copy], device="cpu", backend=name) for name in ("openvino", "openvino-int8")
    )
    assert (exact.backend, rough.backend) == ("openvino", "openvino-int8")
    maps = exact.predict(image).maps
    difference = np.abs(rough.predict(image).maps - maps)
    assert 0 < difference.mean() < 0.02 < maps.std()

    old = contents(copy)
    with pytest.raises(ConfigError, match="which costs more than -1"):
        quantize_model(copy, data, max_cost=-1, say=lines.append)
    assert contents(copy) == old
    assert {path.name for path in copy.parent.iterdir()} <= {"copy", "data", ".copy.openvino"}


def write_two(folder):
    (folder / "a").write_text("x")
    return ["a", "a"]


def test_a_model_stays_when_its_networks_cannot_be_replaced(copy, monkeypatch):
    old = contents(copy)
    with pytest.raises(BundleError, match="2 in int8 of 1 networks"):
        add_quantized(load_bundle(copy), write_two, lambda bundle: {})

    def full(folder):
        raise OSError(28, "No space left on device")

    with pytest.raises(BundleError, match="cannot be written: No space left"):
        add_quantized(load_bundle(copy), full, lambda bundle: {})
    assert contents(copy) == old and [p.name for p in copy.parent.iterdir()] == ["copy"]


def test_without_nncf(copy, data, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nncf", None)
    with pytest.raises(ConfigError, match=r"needs nncf; .*pip install .*\[quantize\]"):
        quantize_model("nosuch", data / "nosuch", say=str)  # before anything is read


def test_one_image_is_too_few(copy, data, monkeypatch):
    monkeypatch.setattr(quantizing, "missing_libraries", lambda *names: [])
    for path in data.glob("*/[1-9].png"):
        path.unlink()
    with pytest.raises(DatasetError, match="do not fill 2 folds"):
        quantize_model(copy, data, say=str)


def test_a_model_without_int8_says_so(model):
    assert "quantized" not in json.loads((model / "manifest.json").read_text())
    with pytest.raises(ConfigError, match="holds no network in int8; use --backend auto"):
        Ensemble([model], device="cpu", backend="openvino-int8")
    assert quantizing.MAX_COST == 0.003
