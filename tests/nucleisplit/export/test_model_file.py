import json
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner

from nucleisplit.cli.main import main
from nucleisplit.errors import ConfigError
from nucleisplit.export import export_model
from nucleisplit.export.describe import FILES
from stage1_unet import ExportError


def run(*words):
    return CliRunner().invoke(main, ["export", *map(str, words)])


def maps_of(content, image):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(["maps"], {"image": image})[0]


def test_several_networks_are_one_file(make_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = make_model(networks=2, weights=(3.0, 1.0))
    result = run(folder, "--format", "onnx", "--json")
    answer = json.loads(result.stdout)
    assert answer["out"] == "mine.onnx" and answer["format"] == "onnx"
    assert answer["differences"]["onnx"] < 1e-5
    assert [path.name for path in tmp_path.iterdir()] == ["mine.onnx"]
    metadata = {entry.key: entry.value for entry in onnx.load("mine.onnx").metadata_props}
    assert metadata["fingerprint"] == answer["fingerprint"]
    assert (metadata["name"], metadata["stride"]) == ("mine", "4")
    image = np.random.default_rng(0).random((2, 3, 8, 12), np.float32)
    maps = maps_of((tmp_path / "mine.onnx").read_bytes(), image)
    assert maps.shape == (2, 3, 8, 12) and 0 <= maps.min() < maps.max() <= 1


def test_the_bundled_model_becomes_a_package(tmp_path):
    out = tmp_path / "new" / "nuclei.zip"
    result = run("default", "--format", "bioimageio", "--out", out)
    assert result.exit_code == 0, result.output
    print(result.stdout)
    assert result.stdout.startswith(f"{out}: model ")
    assert "largest difference from torch: onnx by" in result.stdout
    assert result.stderr == ""
    with zipfile.ZipFile(out) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    image = np.random.default_rng(0).random((1, 3, 64, 96), np.float32)
    maps = maps_of(parts[FILES["onnx"]], image)
    from nucleisplit.model import load_bundle
    from stage1_unet import Predictor

    expected = Predictor(load_bundle("default").networks(), device="cpu").backend(image)
    difference = np.abs(maps - expected).max()
    print(f"largest difference: {difference:.1e}")
    assert difference < 1e-5


def test_a_failure_leaves_what_was_there(model, tmp_path, monkeypatch):
    out = tmp_path / "a.onnx"
    out.write_text("before")

    def fail(*_):
        raise ExportError("the network cannot be written as ONNX (no such operation)")

    monkeypatch.setattr("stage1_unet.export_onnx", fail)
    with pytest.raises(ConfigError, match=r"tiny: the network cannot be written as ONNX \(no such"):
        export_model(model, "onnx", out, overwrite=True)
    assert out.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["a.onnx"]


def test_an_unknown_format_is_refused(model):
    with pytest.raises(ConfigError, match="keras is no format; give one of onnx, bioimageio"):
        export_model(model, "keras")
