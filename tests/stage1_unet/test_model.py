import pytest
import torch
from safetensors.torch import save_file

from stage1_unet import NetworkConfig, build_network, load_network, save_network
from stage1_unet.model import resolve_device

TINY = NetworkConfig(widths=(4, 8), blocks=1)


def smp(architecture, encoder, **options):
    return NetworkConfig(architecture=architecture, encoder=encoder, **options)


@pytest.mark.parametrize(
    ("config", "stride"),
    [
        (TINY, 4),
        (NetworkConfig(widths=(4, 8, 12), blocks=2), 8),
        (NetworkConfig(), 32),
        (smp("unet", "resnet18", widths=(4, 4, 8, 8, 8)), 32),
        (smp("Unet", "tu-mobilenetv3_small_050"), 32),
        (smp("fpn", "mobilenet_v2"), 32),
        (smp("deeplabv3plus", "mobilenet_v2"), 16),
        (smp("pspnet", "mobilenet_v2"), 8),
        (smp("pan", "mobilenet_v2"), 128),
        (smp("unet", "nucleisplit-residual"), 16),
        (smp("unet", "nucleisplit-residual-thin"), 16),
    ],
)
def test_logits_are_as_fine_as_the_image(config, stride):
    network = build_network(config)
    assert network.training and network.stride == stride and network.config == config
    with torch.inference_mode():
        logits = network.eval()(torch.zeros(1, 3, 2 * stride, stride))
    assert logits.shape == (1, 3, 2 * stride, stride)


@pytest.mark.parametrize("architecture", ["compact", "unet"])
@pytest.mark.parametrize(
    ("options", "outputs"),
    [
        ({"channels": ("body",)}, 1),
        ({"channels": ("body", "separation"), "distance": True}, 3),
        ({"head": "softmax"}, 6),
        ({"head": "softmax", "channels": ("body", "border"), "distance": True}, 4),
    ],
)
def test_outputs_follow_the_head(architecture, options, outputs):
    config = smp(architecture, "nucleisplit-residual-thin", **options)
    with torch.inference_mode():
        assert build_network(config)(torch.zeros(2, 3, 32, 32)).shape == (2, outputs, 32, 32)


def test_residual_encoder_sees_single_pixels_first():
    encoder = build_network(smp("unet", "nucleisplit-residual")).encoder.eval()
    with torch.inference_mode():
        features = encoder(torch.zeros(1, 3, 32, 48))
    assert [tuple(feature.shape[1:]) for feature in features] == [
        (3, 32, 48),
        (16, 32, 48),
        (32, 16, 24),
        (64, 8, 12),
        (128, 4, 6),
        (192, 2, 3),
    ]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (smp("unicorn", "resnet18"), "unicorn"),
        (smp("unet", "nosuchnet"), "nosuchnet"),
        (smp("unet", "tu-nosuchnet"), "nosuchnet"),
        (smp("unet", "resnet18", encoder_weights="nosuchweights"), "nosuchweights"),
        (smp("unet", "resnet18", widths=(8, 16)), "five widths"),
        (smp("fpn", "nucleisplit-residual"), r"16 x 32 pixels gives .* 32, 64"),
        (smp("dpt", "resnet18"), "Timm"),
    ],
)
def test_unknown_network(config, message):
    with pytest.raises(ValueError, match=message):
        build_network(config)


@pytest.mark.parametrize("channels", [(), ("border",), ("border", "body"), ("body", "body")])
def test_channels_hold_the_body_in_order(channels):
    with pytest.raises(ValueError, match="channels must be body, then"):
        NetworkConfig(channels=channels)


def test_usual_widths_are_written_down():
    assert NetworkConfig().widths == (32, 64, 128, 192, 256)
    config = smp("unet", "nucleisplit-residual")
    assert NetworkConfig.model_validate_json(config.model_dump_json()) == config
    assert config.widths == (8, 16, 24, 48, 96)


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        TINY.model_copy(update={"head": "softmax", "channels": ("body", "border")}),
        smp("unet", "nucleisplit-residual-thin", distance=True),
    ],
)
def test_saved_network_predicts_the_same(tmp_path, config):
    torch.manual_seed(0)
    network = build_network(config).half().float().eval()
    save_network(tmp_path / "n.safetensors", network, config)
    again = load_network(tmp_path / "n.safetensors")
    image = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        assert torch.equal(network(image), again(image))
    assert not again.training and again.config == config
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
