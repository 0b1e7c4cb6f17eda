import pytest
import torch
from safetensors.torch import save_file

from stage1_unet import NetworkConfig, build_network, load_network, save_network
from stage1_unet.model import resolve_device

TINY = NetworkConfig(widths=(4, 8), blocks=1)


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        NetworkConfig(widths=(4, 8, 12), blocks=2),
        NetworkConfig(architecture="unet", encoder="resnet18", widths=(4, 4, 8, 8, 8)),
    ],
)
def test_logits_are_as_fine_as_the_image(config):
    network = build_network(config).eval()
    side = 2 * network.stride
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, side, network.stride)).shape == (1, 3, side, side // 2)


def test_compact_stride():
    assert build_network(NetworkConfig()).stride == 32
    assert build_network(TINY).stride == 4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (NetworkConfig(architecture="unicorn"), "unicorn"),
        (NetworkConfig(architecture="unet", encoder="nosuchnet"), "nosuchnet"),
        (NetworkConfig(architecture="unet", widths=(8, 16)), "five widths"),
    ],
)
def test_unknown_network(config, message):
    with pytest.raises(ValueError, match=message):
        build_network(config)


def test_saved_network_predicts_the_same(tmp_path):
    torch.manual_seed(0)
    network = build_network(TINY).half().float().eval()
    save_network(tmp_path / "n.safetensors", network, TINY)
    again = load_network(tmp_path / "n.safetensors")
    image = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        assert torch.equal(network(image), again(image))
    assert not again.training
    assert next(again.parameters()).dtype == torch.float32


def test_unreadable_weights(tmp_path):
    path = tmp_path / "n.safetensors"
    with pytest.raises(ValueError, match=r"n\.safetensors"):
        load_network(path)
    path.write_bytes(b"not weights")
    with pytest.raises(ValueError, match="not a network"):
        load_network(path)
    save_file({"a": torch.zeros(1)}, str(path))
    with pytest.raises(ValueError, match="network_config"):
        load_network(path)
    save_file({"a": torch.zeros(1)}, str(path), metadata={"network_config": TINY.model_dump_json()})
    with pytest.raises(ValueError, match="not a network"):
        load_network(path)


def test_devices():
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="gpu9"):
        resolve_device("gpu9")
