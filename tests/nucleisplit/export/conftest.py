"""Cards of the small model and of others like it, and the graphs of its network."""

import importlib.util

import pytest

from nucleisplit.config import RunConfig
from nucleisplit.export.card import make_card
from nucleisplit.model import load_bundle, save_bundle
from stage1_unet import Predictor

# Only where `pip install ".[export]"` put them there; CI does, see .ci/run.
_NEEDED = ("onnx", "onnxscript", "onnxruntime", "bioimageio.core")


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # not even what it is a part of
        return False


collect_ignore = [] if all(map(_is_there, _NEEDED)) else ["test_package.py", "test_model_file.py"]


@pytest.fixture(scope="session")
def make_model(tmp_path_factory, trained):
    """Write a model with the small network, or with several, and with other settings."""

    def make(networks=1, weights=(), scores=None, **settings):
        network, config, regressor = trained
        folder = tmp_path_factory.mktemp("models") / "mine"
        save_bundle(
            folder,
            networks=[(network, config)] * networks,
            weights=weights,
            regressor=regressor,
            config=RunConfig(network=config, **({"predict": {"halo": 32}} | settings)),
            fingerprint="0" * 64,
            scores=scores or {},
        )
        return folder

    return make


@pytest.fixture(scope="session")
def card_of():
    def make(folder, authors=(), license=None):
        bundle = load_bundle(folder)
        predictor = Predictor(bundle.networks(), bundle.config.predict, "cpu")
        return make_card(bundle, predictor, authors, license)

    return make


@pytest.fixture(scope="session")
def card(model, card_of):
    return card_of(model)
