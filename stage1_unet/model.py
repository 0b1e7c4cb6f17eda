"""Build a network, and keep it in a safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from .compact import CompactUnet
from .config import NetworkConfig
from .heads import count_outputs

WEIGHTS = "network.safetensors"
"""Name of the file of a trained network; in the folder of a training, it marks the end."""

_CONFIG_KEY = "network_config"


def build_network(config: NetworkConfig) -> nn.Module:
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
    if config.architecture == "compact":
        network = CompactUnet(3, outputs, config.widths, config.blocks)
        network.config = config
        return network
    from .library import build_library_network  # slow to import

    return build_library_network(config, outputs)


def save_network(path: str | Path, network: nn.Module, config: NetworkConfig) -> None:
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
    Path(path).write_bytes(save(state, metadata={_CONFIG_KEY: config.model_dump_json()}))


def load_network(path: str | Path) -> nn.Module:
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
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}
        config = NetworkConfig.model_validate_json(metadata[_CONFIG_KEY])
        network = build_network(config.model_copy(update={"encoder_weights": None}))
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, ValidationError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: not a network of this package ({reason})") from error
    return network.float().eval()


def resolve_device(name: str) -> torch.device:
    """Turn `auto` into the best device there is.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        When the device asked for is not available.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, there in available.items() if there), "cpu"))
    if not available.get(name, name == "cpu"):
        raise ValueError(f"device {name!r} is not available here; use auto or cpu")
    return torch.device(name)
