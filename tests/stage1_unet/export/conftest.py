"""Small networks whose maps vary."""

import importlib.util

import pytest
import torch

from stage1_unet import NetworkConfig, build_network

# Only where `pip install ".[export]"` put them there; CI does, see .ci/run.
_NEEDED = ("onnx", "onnxscript", "onnxruntime")
collect_ignore = [] if all(map(importlib.util.find_spec, _NEEDED)) else ["test_to_onnx.py"]


@pytest.fixture(scope="session")
def make_network():
    def make(**fields):
        torch.manual_seed(0)
        network = build_network(NetworkConfig(**({"widths": (4, 8)} | fields)))
        with torch.no_grad():
            for _ in range(20):  # the statistics of batches, as after training
                network(torch.rand(4, 3, 32, 32))
        return network.eval()

    return make


@pytest.fixture(scope="session")
def mixed(make_network):
    """Networks that differ in depth, head and channels, and how much each counts."""
    softmax = {"head": "softmax", "channels": ("body", "border"), "distance": True}
    return [make_network(**softmax), make_network(widths=(4, 4, 8))], [1.0, 3.0]


class Stubborn(torch.nn.Module):
    """A network that cannot be traced: what it computes leaves torch on the way."""

    stride = 4
    config = NetworkConfig(widths=(4, 8))

    def forward(self, x):
        return torch.full_like(x, float(x.numpy().mean()))


@pytest.fixture
def stubborn():
    return Stubborn()
