import json
import socket

import pytest
import torch
from safetensors.torch import save_file

from stage1_unet import NetworkConfig, build_network, load_network, save_network
from stage1_unet.compact import PointConv
from stage1_unet.device import resolve_device

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
        (smp("unet", "tu-hf-hub:timm/resnet18.a1_in1k"), "unknown encoder 'tu-hf-hub:timm"),
        (smp("unet", "tu-local-dir:models"), "unknown encoder 'tu-local-dir:models'"),
        (smp("unet", "tu-resnet18.hf-hub:timm/resnet18"), "unknown encoder"),
        (smp("unet", "hf-hub:timm/resnet18"), "unknown encoder"),
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


@pytest.fixture
def offline(monkeypatch):
    """No name is resolved and nothing connected to; gives the list of attempts."""
    attempts = []

    def refuse(*args, **_):
        attempts.append(args)
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return attempts


def test_nothing_is_downloaded_when_loading(tmp_path, offline):
    path = tmp_path / "n.safetensors"
    config = smp("unet", "resnet18", widths=(4, 4, 4, 4, 4))
    network = build_network(config)
    save_network(path, network, config.model_copy(update={"encoder_weights": "imagenet"}))
    assert load_network(path).config == config
    for encoder in ("tu-hf-hub:timm/resnet18.a1_in1k", "tu-hf_hub:a/b", "hf-hub:a/b"):
        save_network(path, network, config.model_copy(update={"encoder": encoder}))
        with pytest.raises(ValueError, match=r"n\.safetensors: .*unknown encoder"):
            load_network(path)
    assert not offline


def tampered(change):
    """The weights of the tiny network, changed."""
    state = {name: value.clone() for name, value in build_network(TINY).state_dict().items()}
    change(state)
    return state


BIAS = "head.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop(BIAS), "it lacks 1 tensors of the network, such as 'head.bias'"),
        (lambda s: s.update(other=torch.zeros(1)), "has unknown 1 tensors .* such as 'other'"),
        (lambda s: s.update({BIAS: torch.zeros(3)}), r"'head.bias' has shape \(3,\)"),
        (lambda s: s.update({BIAS: torch.zeros(12, dtype=torch.int64)}), "type I64"),
        (lambda s: s.update({BIAS: torch.zeros(12, dtype=torch.complex64)}), "type C64"),
        (lambda s: s.update({BIAS: torch.full((12,), torch.nan)}), "NaN or infinite"),
        (lambda s: s.clear(), "it lacks .* tensors"),
    ],
)
def test_other_tensors_than_those_of_the_network(tmp_path, change, message):
    path = tmp_path / "n.safetensors"
    save_file(tampered(change), str(path), metadata={"network_config": TINY.model_dump_json()})
    with pytest.raises(ValueError, match=rf"n\.safetensors: .*{message}"):
        load_network(path)


def test_a_header_that_asks_for_much_is_refused_in_little_memory(tmp_path):
    path = tmp_path / "n.safetensors"
    huge = NetworkConfig(widths=(2048,) * 7, blocks=4)
    save_file({"a": torch.zeros(1)}, str(path), metadata={"network_config": huge.model_dump_json()})
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="it lacks"):
        load_network(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.parametrize(
    "entry",
    [
        '{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}',
        '{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}',
        '{"dtype":"F32","shape":[1],"data_offsets":[0,4000000000000]}',
        '{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}',
        '{"dtype":"P99","shape":[1],"data_offsets":[0,4]}',
    ],
)
def test_absurd_headers_are_refused(tmp_path, entry):
    path = tmp_path / "n.safetensors"
    config = json.dumps(TINY.model_dump_json())
    header = f'{{"__metadata__":{{"network_config":{config}}},"head.bias":{entry}}}'.encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ValueError, match=r"n\.safetensors: not a network of this package"):
        load_network(path)
    path.write_bytes((2**62).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match=r"n\.safetensors: not a network of this package"):
        load_network(path)


def test_devices():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="gpu9"):
        resolve_device("gpu9")


def test_skipping_pixels_first_changes_nothing():
    conv = PointConv(3, 5, 1, 2, bias=False)
    x = torch.randn(2, 3, 8, 6)
    assert torch.allclose(conv.train()(x), conv.eval()(x), atol=1e-6)
    assert conv(x).shape == (2, 5, 4, 3)
    strided = [m for m in build_network(NetworkConfig()).modules() if isinstance(m, PointConv)]
    assert len(strided) == 4  # one per halving of the resolution inside
