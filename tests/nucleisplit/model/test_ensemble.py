import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nucleisplit
from nucleisplit.batch.infer_batch import infer_batch
from nucleisplit.config import RunConfig
from nucleisplit.errors import ConfigError
from nucleisplit.images import read_image
from nucleisplit.model import load_bundle, save_bundle
from nucleisplit.model.ensemble import Ensemble
from nucleisplit.model.network_cache import cache_folders
from stage1_unet import build_network


@pytest.fixture(scope="module")
def other(tmp_path_factory, trained):
    """Another model: untrained, of another kind, stride, preprocessing and set of channels."""
    config = RunConfig.model_validate(
        {
            "network": {"widths": (4, 4, 4), "channels": ("body", "border")},
            "preprocess": {"low": 0, "high": 100},
            "predict": {"rescale": False},
        }
    )
    folder = tmp_path_factory.mktemp("models") / "other"
    save_bundle(
        folder,
        networks=[(build_network(config.network), config.network)],
        regressor=trained[2],
        config=config,
        fingerprint="0" * 64,
        scores={},
    )
    return folder


def enlarge(image, factor):
    return np.kron(image, np.ones((factor, factor), image.dtype))


def test_maps_of_several_models_are_averaged_where_they_are_predicted(model, other, spots):
    image = spots(1)[0][:50, :61]
    ensemble = Ensemble([model, other], [3, 1], device="cpu")
    alone = [Ensemble([one], device="cpu").predict(image).maps for one in (model, other)]
    maps = ensemble.predict(image).maps
    assert np.abs(maps[:2] - (0.75 * alone[0] + 0.25 * alone[1])[:2]).max() <= 1.01 / 255
    assert np.abs(maps[2] - alone[0][2]).max() <= 1.01 / 255
    prints = [load_bundle(one).fingerprint for one in (model, other)]
    assert ensemble.fingerprint == f"3 * {prints[0]} + 1 * {prints[1]}"
    assert ensemble.describe(["a", "b"]) == {
        "model": {"name": "a", "fingerprint": prints[0]},
        "ensemble": [
            {"name": "a", "fingerprint": prints[0], "weight": 3.0},
            {"name": "b", "fingerprint": prints[1], "weight": 1.0},
        ],
    }


def test_the_first_model_cuts(model, other, spots):
    segmenter = nucleisplit.Segmenter([model, other], weights=[1, 1e-6], device="cpu")
    assert segmenter.bundle.path == model
    image, _ = spots(2)
    alone = nucleisplit.Segmenter(model, device="cpu")(image)
    assert np.array_equal(segmenter(image).labels, alone.labels)


def test_networks_of_a_model_count_by_its_weights(model, trained, tmp_path, spots):
    fresh = build_network(trained[1])
    options = {"regressor": trained[2], "config": RunConfig(), "fingerprint": "0" * 64}
    ready = model / "network.safetensors"
    networks = [ready, (fresh, trained[1])]
    image, _ = spots(3)

    def maps(name, networks, weights=()):
        save_bundle(tmp_path / name, networks=networks, weights=weights, scores={}, **options)
        return Ensemble([tmp_path / name], device="cpu").predict(image).maps

    both = maps("both", networks, (3, 1))
    expected = 0.75 * maps("first", networks[:1]) + 0.25 * maps("second", networks[1:])
    assert np.abs(both - expected).max() <= 1.01 / 255


@pytest.mark.parametrize("weights", [(1, 1), (0,), (-1,), (float("nan"),)])
def test_weights_of_networks_must_fit(trained, tmp_path, weights):
    network, config, regressor = trained
    with pytest.raises(ValueError, match="weights"):
        save_bundle(
            tmp_path / "m",
            networks=[(network, config)],
            regressor=regressor,
            config=RunConfig(network=config),
            fingerprint="0" * 64,
            scores={},
            weights=weights,
        )
    assert not list(tmp_path.iterdir())


def test_large_nuclei_are_shown_smaller_and_outlined_at_full_size(model, spots):
    small, truth = spots(5)
    image, truth = enlarge(small, 6), enlarge(truth, 6)
    segmenter = nucleisplit.Segmenter(model, device="cpu", diameter=6 * 14)
    result = segmenter(image)
    assert result.scale == pytest.approx(1 / 3) and 50 < result.diameter < 120
    assert result.labels.shape == image.shape
    found, real = result.labels > 0, truth > 0
    assert (found & real).sum() > 0.8 * (found | real).sum()
    again = result.reselect(min_iou=0.9)
    assert (again.scale, again.diameter) == (result.scale, result.diameter)
    assert nucleisplit.Segmenter(model, device="cpu", rescale=False)(image).scale == 1


def test_a_diameter_counts_for_a_model_that_never_rescales(other, spots):
    assert Ensemble([other], device="cpu", diameter=112).predict(spots(0)[0]).scale == 0.25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diameter": 0}, "diameter is 0"),
        ({"diameter": float("nan")}, "diameter is nan"),
        ({"diameter": 9, "rescale": False}, "of no use without rescaling"),
        ({"weights": [1, 2]}, "1 positive weights"),
        ({"weights": [0]}, "1 positive weights"),
        ({"model": []}, "no model"),
    ],
)
def test_bad_options_are_refused(model, options, message):
    with pytest.raises(ConfigError, match=message):
        nucleisplit.Segmenter(**({"model": model, "device": "cpu"} | options))


def test_old_manifests_are_read(model):
    """Fields that came later are absent unless set, so the fingerprint of old models holds."""
    text = (model / "manifest.json").read_text()
    assert '"weights"' not in text
    assert load_bundle("default").manifest.weights == ()


@pytest.mark.parametrize("tta", ["none", "flips"])
def test_backends_agree_and_are_named(model, other, spots, tta):
    pytest.importorskip("openvino")
    image, _ = spots(4)
    plain, fast = (
        Ensemble([model, other], [3, 1], device="cpu", tta=tta, backend=name)
        for name in ("torch", "openvino")
    )
    assert (plain.backend, plain.parameters["backend"]) == ("torch", "torch")
    assert fast.parameters["backend"] == "openvino"
    difference = np.abs(fast.predict(image).maps - plain.predict(image).maps)
    assert difference.max() <= 1.01 / 255 and np.mean(difference > 0) < 0.001
    mixed = Ensemble([model, other], device="cpu", backend="torch + openvino")
    assert mixed.backend == "torch + openvino"


def test_the_backend_found_belongs_to_the_run(model, tmp_path, spots):
    from PIL import Image

    Image.fromarray(spots(0)[0]).save(tmp_path / "a.png")
    options = {"out": tmp_path / "out", "model": model, "device": "cpu", "overlay": False}
    infer_batch([tmp_path / "a.png"], backend="torch", **options)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["parameters"]["backend"] == "torch"
    with pytest.raises(ConfigError, match="was begun with backend torch, not openvino"):
        infer_batch([tmp_path / "a.png"], backend="openvino", resume=True, **options)


def test_converted_networks_lie_beside_the_model_or_in_the_users_cache(tmp_path, monkeypatch):
    home = tmp_path / "cache" / "nucleisplit"
    monkeypatch.setattr("nucleisplit.model.network_cache.user_cache_path", lambda *_, **__: home)
    first, second = cache_folders(tmp_path / "mine")
    assert first == tmp_path.resolve() / ".mine.openvino"
    assert second.parent == home


MAPS = """
import sys
import numpy as np
from nucleisplit.model import Ensemble
image = np.load(sys.argv[1])
np.save(sys.argv[2], Ensemble(["default"], backend="openvino-int8").predict(image).maps)
"""


def test_int8_computes_the_same_on_processors_without_instructions_for_it(tmp_path):
    pytest.importorskip("openvino")
    tissue = Path(__file__).parents[3] / "examples/images/tissue.png"
    np.save(tmp_path / "image.npy", read_image(tissue))
    maps = []
    for name in ("any", "AVX2"):
        limit = {} if name == "any" else {"ONEDNN_MAX_CPU_ISA": name}
        files = [str(tmp_path / file) for file in ("image.npy", f"{name}.npy")]
        command = [sys.executable, "-c", MAPS, *files]
        subprocess.run(command, check=True, env={**os.environ, **limit})
        maps.append(np.load(files[1]))
    difference = np.abs(maps[0] - maps[1])
    assert maps[0][0].max() > 0.9
    assert difference.mean() < 0.002 and (difference > 0.1).mean() < 0.001
