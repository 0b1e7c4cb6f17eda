"""From an image to its maps: tiles, and test-time augmentation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from .config import PredictConfig
from .model import resolve_device

_FLIPS = [(0, False), (0, True), (2, False), (2, True)]
_VIEWS = {
    "none": [(0, False)],
    "flips": _FLIPS,
    "d4": _FLIPS + [(1, False), (1, True), (3, False), (3, True)],
}
"""Quarter turns, then whether the rows are mirrored, of each view."""


class Predictor:
    """Networks ready to turn images into maps.

    Parameters
    ----------
    networks : Module or sequence of Module
        From `build_network` or `load_network`; the probabilities of several are averaged.
    config : PredictConfig, optional
    device : {"auto", "cpu", "cuda", "mps"}

    Raises
    ------
    ValueError
        Without networks, or when the device is not available.
    """

    def __init__(
        self,
        networks: nn.Module | Sequence[nn.Module],
        config: PredictConfig | None = None,
        device: str = "auto",
    ) -> None:
        networks = [networks] if isinstance(networks, nn.Module) else list(networks)
        if not networks:
            raise ValueError("no network to predict with")
        self.config = config or PredictConfig()
        self.device = resolve_device(device)
        self.networks = [
            network.to(self.device, memory_format=torch.channels_last).eval()
            for network in networks
        ]
        self.stride = max(network.stride for network in self.networks)

    def predict(self, image: np.ndarray) -> np.ndarray:
        """Compute the maps of one image.

        Parameters
        ----------
        image : ndarray, shape (H, W, 3), float32 in [0, 1]
            From `preprocess`; any H and W from one pixel.

        Returns
        -------
        ndarray, shape (3, H, W), float32 in [0, 1]
            In the order of `CHANNELS`, rounded to multiples of 1/255, so that maps kept in eight
            bits are the same.
        """
        height, width = image.shape[:2]
        padding = [(0, -length % self.stride) for length in (height, width)]
        image = np.pad(image, (*padding, (0, 0)), mode="symmetric")
        maps = np.empty((3, *image.shape[:2]), np.float32)
        for outer, inner, margin in _tiles(image.shape, self.config, self.stride):
            maps[(slice(None), *inner)] = self._predict_tile(image[outer])[(slice(None), *margin)]
        return np.rint(maps[:, :height, :width] * 255) / np.float32(255)

    def _predict_tile(self, tile: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(tile.transpose(2, 0, 1)[None]).to(self.device)
        views = _VIEWS[self.config.tta]
        total = torch.zeros((), device=self.device)
        with torch.inference_mode():
            for turns, mirrored in views:
                total = total + self._predict_view(batch, turns, mirrored)
        return (total[0] / (len(views) * len(self.networks))).float().cpu().numpy()

    def _predict_view(self, batch: torch.Tensor, turns: int, mirrored: bool) -> torch.Tensor:
        view = torch.rot90(batch, turns, (2, 3))
        if mirrored:
            view = view.flip(2)
        view = view.contiguous(memory_format=torch.channels_last)
        maps = sum(torch.sigmoid(network(view)) for network in self.networks)
        if mirrored:
            maps = maps.flip(2)
        return torch.rot90(maps, -turns, (2, 3))


def _tiles(shape: tuple[int, ...], config: PredictConfig, stride: int) -> Iterator[tuple]:
    """Yield, for each tile: where it lies with its halo, where it is kept, where that is in it."""
    rows, columns = (_spans(length, config, stride) for length in shape[:2])
    for outer_row, inner_row in rows:
        for outer_column, inner_column in columns:
            outers, inners = (outer_row, outer_column), (inner_row, inner_column)
            margins = tuple(
                slice(inner.start - outer.start, inner.stop - outer.start)
                for outer, inner in zip(outers, inners, strict=True)
            )
            yield outers, inners, margins


def _spans(length: int, config: PredictConfig, stride: int) -> list[tuple[slice, slice]]:
    """Cut one axis into about even pieces with halos, all ends on the grid of the network.

    A piece off that grid would be sampled at other positions, and show at its seams.
    """
    if length <= config.tile:
        return [(slice(0, length), slice(0, length))]
    halo = -(-config.halo // stride) * stride
    count = -(-length // max(stride, config.tile - 2 * halo))
    edges = [round(index * length / stride / count) * stride for index in range(count + 1)]
    return [
        (slice(max(0, start - halo), min(length, stop + halo)), slice(start, stop))
        for start, stop in zip(edges[:-1], edges[1:], strict=True)
        if start < stop
    ]
