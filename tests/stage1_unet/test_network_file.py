import numpy as np
import pytest
import torch

from stage1_unet import NetworkConfig, NetworkFile, Predictor, build_network, save_network

CONFIGS = [
    NetworkConfig(widths=(8, 16)),
    NetworkConfig(architecture="lite", widths=(8, 8, 16, 16)),
]


@pytest.fixture(params=CONFIGS, ids=["compact", "lite"])
def saved(request, tmp_path):
    torch.manual_seed(0)
    network = build_network(request.param).eval()
    path = tmp_path / "network.safetensors"
    save_network(path, network, request.param)
    return network, path


def test_a_file_tells_what_its_network_is_like(saved):
    network, path = saved
    file = NetworkFile(path)
    assert (file.stride, file.config) == (network.stride, network.config)
    assert file.build() is file.build()


def test_a_file_predicts_like_its_network(saved):
    _, path = saved
    image = np.random.default_rng(0).random((70, 90, 3)).astype(np.float32)
    file = NetworkFile(path)
    maps = [Predictor(each, device="cpu").predict(image).maps for each in (file, file.build())]
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize("content", [None, b"", b"no tensors"])
def test_what_is_no_network_is_refused(tmp_path, content):
    path = tmp_path / "network.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="not a network of this package"):
        NetworkFile(path)
