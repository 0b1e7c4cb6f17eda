"""What the file of a network says of it, read without torch."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from .config import NetworkConfig

CONFIG_KEY = "network_config"
"""Where the metadata of the file hold the configuration."""
LITE_STRIDE = 32


def read_config(path: str | Path) -> NetworkConfig:
    """Read the configuration of a network from its file.

    Raises
    ------
    ValueError
        The file cannot be read, or holds none.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            config = NetworkConfig.model_validate_json((file.metadata() or {})[CONFIG_KEY])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{path}: not a network of this package ({reason})") from error
    return config.model_copy(update={"encoder_weights": None})
