"""Networks computed by torch: on the CPU or on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..heads import to_maps
from ..network import Network


class TorchBackend:
    """Networks computed in float32 by the library they were trained with.

    Parameters
    ----------
    networks : sequence of Module
        They are moved to the device and put into evaluation mode.
    shares : ndarray, shape (len(networks), 3), float32
        From `channel_shares`.
    device : str
    """

    name = "torch"

    def __init__(self, networks: Sequence[Network], shares: np.ndarray, device: str) -> None:
        self._device = torch.device(device)
        self._networks = [
            network.to(device).to(memory_format=torch.channels_last).eval() for network in networks
        ]
        self._shares = torch.from_numpy(shares[..., None, None]).to(device)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(batch).to(self._device)
            x = x.contiguous(memory_format=torch.channels_last)
            maps = sum(
                to_maps(network(x), network.config) * share
                for network, share in zip(self._networks, self._shares, strict=True)
            )
            return maps.float().cpu().numpy()

    def release(self) -> None:
        """Nothing to do: torch keeps none on the CPU, and uses it again on a GPU."""
