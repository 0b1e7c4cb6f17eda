import json
import os

import numpy as np
import pytest
import torch

from nucleisplit.config import RunConfig
from nucleisplit.errors import BundleError
from nucleisplit.model import load_bundle, save_bundle
from stage2_trees import FEATURE_NAMES


@pytest.fixture
def parts(trained):
    network, config, regressor = trained
    return {
        "networks": [(network, config)],
        "regressor": regressor,
        "config": RunConfig(network=config),
        "fingerprint": "f",
        "scores": {},
    }


def test_what_is_saved_is_what_is_loaded(model, trained):
    network, config, regressor = trained
    bundle = load_bundle(model)
    assert bundle.config.network == config
    assert bundle.manifest.scores == {"trees": {"map": 0.5}}
    (loaded,) = bundle.networks()
    x = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        assert torch.allclose(loaded(x), network(x), atol=0.05)  # weights are kept in 16 bits
    rows = np.random.default_rng(0).random((5, len(FEATURE_NAMES)), np.float32)
    assert np.allclose(bundle.regressor().predict(rows), regressor.predict(rows))


def test_every_file_is_listed_with_its_hash(model):
    manifest = json.loads((model / "manifest.json").read_text())
    files = {p.relative_to(model).as_posix() for p in model.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == files - {"manifest.json"}
    assert "network.safetensors" in files
    assert any(name.startswith("trees/") for name in files)


def test_several_networks_and_files_written_before(model, parts, tmp_path):
    ready = model / "network.safetensors"
    bundle = save_bundle(tmp_path / "m", **(parts | {"networks": [ready, ready]}))
    assert bundle.manifest.networks == ("network-0.safetensors", "network-1.safetensors")
    assert len(bundle.networks()) == 2


def test_an_existing_model_is_replaced_only_on_request(copy, parts):
    before = load_bundle(copy).fingerprint
    with pytest.raises(BundleError, match="exists; choose another folder or add --overwrite"):
        save_bundle(copy, **parts)
    assert load_bundle(copy).fingerprint == before
    after = save_bundle(copy, overwrite=True, **parts).fingerprint
    assert after != before
    assert load_bundle(copy).fingerprint == after


def test_a_folder_that_is_no_model_is_never_replaced(tmp_path, parts):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(BundleError, match="exists and is not a model"):
        save_bundle(tmp_path, overwrite=True, **parts)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_the_old_model_is_put_back_when_the_new_one_cannot_take_its_place(
    copy, parts, monkeypatch, error
):
    before = load_bundle(copy).fingerprint
    move = os.replace

    def fail(source, target):
        if ".writing-" in str(source):
            raise error
        move(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(BundleError if isinstance(error, OSError) else KeyboardInterrupt):
        save_bundle(copy, overwrite=True, **parts)
    assert load_bundle(copy).fingerprint == before
    assert list(copy.parent.iterdir()) == [copy]


def test_a_failure_leaves_nothing_behind(tmp_path, parts):
    class Broken:
        def save(self, folder):
            raise OSError(28, "No space left on device")

    with pytest.raises(BundleError, match="cannot be written: No space left on device"):
        save_bundle(tmp_path / "m", **(parts | {"regressor": Broken()}))
    assert list(tmp_path.iterdir()) == []
