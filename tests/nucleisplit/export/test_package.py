"""Packages as bioimageio.core takes them: both kinds of weights, offline."""

import socket
import zipfile

import numpy as np
import pytest

from nucleisplit.errors import ConfigError
from nucleisplit.export.describe import FILES
from nucleisplit.export.package import pack, write_files
from stage1_unet import (
    Exported,
    Predictor,
    export_onnx,
    export_torchscript,
    preprocess,
    to_batch,
)


@pytest.fixture(scope="module")
def graphs(card):
    """Of the small network, which all models here have."""
    networks = card.bundle.networks()
    return {"onnx": export_onnx(networks), "torchscript": export_torchscript(networks)}


@pytest.fixture
def offline(monkeypatch):
    """Let nobody out; what was asked for."""
    asked = []

    def refuse(*words, **_):
        asked.append(words)
        raise OSError("there is no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


def fill(folder, card, graphs):
    predictor = Predictor(card.bundle.networks(), card.bundle.config.predict, "cpu")
    write_files(folder, card, predictor, graphs)
    return predictor


@pytest.mark.parametrize(
    "preprocess_settings",
    [{}, {"polarity": "invert", "low": 5, "high": 90}, {"variant": "lh", "polarity": "auto"}],
)
def test_the_package_computes_our_maps(
    tmp_path, make_model, card_of, graphs, offline, preprocess_settings
):
    card = card_of(make_model(preprocess=preprocess_settings))
    fill(tmp_path, card, graphs)
    path = pack(tmp_path, card)  # which compares with the test output, of both weights
    assert offline == []
    with zipfile.ZipFile(path) as package:
        assert set(package.namelist()) == {*FILES.values(), "rdf.yaml"}
    given, maps = (np.load(tmp_path / FILES[key]) for key in ("input", "output"))
    assert given.dtype == np.float32 and given.shape == (1, 3, 256, 260)
    assert (given.max() > 1) == card.expressible
    assert maps.shape == (1, 3, 256, 260) and maps.std() > 0.05


@pytest.mark.filterwarnings("ignore:.*jit.load:FutureWarning")
@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
def test_other_images_are_prepared_as_we_do(tmp_path, card, graphs, kind):
    from bioimageio.core import create_prediction_pipeline, load_model_description
    from bioimageio.core.digest_spec import create_sample_for_model

    predictor = fill(tmp_path, card, graphs)
    described = load_model_description(pack(tmp_path, card), perform_io_checks=False)
    rng = np.random.default_rng(1)
    image = rng.gamma(2, 900, (72, 80, 3)).clip(0, 65535).astype(np.uint16)
    ours = predictor.backend(to_batch(preprocess(image), card.stride))
    pipeline = create_prediction_pipeline(described, weight_format=kind, devices=["cpu"])
    with pipeline as loaded:
        sample = create_sample_for_model(
            described, inputs={"image": image.transpose(2, 0, 1)[None]}
        )
        output = loaded.predict_sample_without_blocking(
            sample, skip_input_padding=True, skip_output_cropping=True
        )
    assert ours.std() > 0.01
    np.testing.assert_allclose(output.members["maps"].data.to_numpy(), ours, atol=1e-4)


def test_a_package_with_other_maps_is_refused(tmp_path, card, graphs):
    networks = card.bundle.networks()
    for network in networks:
        network.head.bias.data += 1
    wrong = graphs | {"torchscript": Exported(export_torchscript(networks).content, 0)}
    fill(tmp_path, card, wrong)
    with pytest.raises(ConfigError, match=r"refuses the package \(weights.torchscript: ") as caught:
        pack(tmp_path, card)
    assert "\n" not in str(caught.value)
