"""Build a network, and keep it in a safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from .compact import CompactUnet
from .config import NetworkConfig
from .header import CONFIG_KEY, read_config
from .heads import count_outputs
from .lite import LiteUnet, load_imagenet
from .network import Network

_REALS, _INTEGERS = ("F16", "BF16", "F32", "F64"), ("I64",)
"""Types of tensors by the names that safetensors give them."""


def build_network(config: NetworkConfig) -> Network:
    """Build the network of a configuration, with fresh weights.

    Parameters
    ----------
    config : NetworkConfig

    Returns
    -------
    Module
        Maps ``(N, 3, H, W)`` float32 images in [0, 1] to ``(N, K, H, W)`` logits, see
        `stage1_unet.heads`; H and W must be multiples of its attribute `stride`. Its attribute
        `config` is the configuration.

    Raises
    ------
    ValueError
        For an architecture or encoder that segmentation-models-pytorch does not know, or that
        do not go together.
    """
    outputs = count_outputs(config)
    network: Network
    if config.architecture == "compact":
        network = CompactUnet(3, outputs, config.widths, config.blocks)
    elif config.architecture == "lite":
        network = lite = LiteUnet(outputs, config.widths)
        if config.encoder_weights:
            load_imagenet(lite.encoder)
    else:
        from .library import build_library_network  # slow to import

        network = build_library_network(config, outputs)
    network.config = config
    return network


def save_network(path: str | Path, network: Network, config: NetworkConfig) -> None:
    """Write the weights in half precision, the configuration beside them.

    Parameters
    ----------
    path : str or Path
        The safetensors file to write.
    network : Module
    config : NetworkConfig
        What `network` was built from.
    """
    state = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    Path(path).write_bytes(save(state, metadata={CONFIG_KEY: config.model_dump_json()}))


def load_network(path: str | Path) -> Network:
    """Read a network written by `save_network`, in float32 and evaluation mode.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Module

    Raises
    ------
    ValueError
        When the file cannot be read, or its weights do not fit its configuration.

    Notes
    -----
    Nothing is downloaded, whatever the file asks for.
    """
    config = read_config(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            _check_tensors(file, _outline(config))
            network = build_network(config)
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path}: not a network of this package ({reason})") from error
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise ValueError(f"{path}: holds weights that are NaN or infinite")
    return network.float().eval()


def _outline(config: NetworkConfig) -> dict[str, torch.Tensor]:
    """What tensors a network has, without memory for them, so that no file can ask for much."""
    try:
        with torch.device("meta"):
            return build_network(config).state_dict()
    except (RuntimeError, NotImplementedError, ValueError):  # some encoders compute when built
        return build_network(config).state_dict()


def _check_tensors(file, outline: dict[str, torch.Tensor]) -> None:
    """Compare the header of a file with the network that it is for."""
    names = set(file.keys())
    for kind, odd in (("lacks", outline.keys() - names), ("has unknown", names - outline.keys())):
        if odd:
            raise ValueError(f"it {kind} {len(odd)} tensors of the network, such as {min(odd)!r}")
    for name, expected in outline.items():
        found = file.get_slice(name)
        shape, kind = tuple(found.get_shape()), found.get_dtype()
        real = expected.is_floating_point()
        if shape != tuple(expected.shape) or kind not in (_REALS if real else _INTEGERS):
            raise ValueError(
                f"{name!r} has shape {shape} and type {kind}, the network needs "
                f"{tuple(expected.shape)} and {'F16' if real else 'I64'}"
            )
