"""The flips and quarter turns of test-time augmentation."""

from __future__ import annotations

import torch

_FLIPS = ((0, False), (0, True), (2, False), (2, True))
VIEWS = {
    "none": ((0, False),),
    "flips": _FLIPS,
    "d4": (*_FLIPS, (1, False), (1, True), (3, False), (3, True)),
}
"""Quarter turns, then whether the rows are mirrored, of each view."""


def turn(batch: torch.Tensor, turns: int, mirrored: bool) -> torch.Tensor:
    """Show (N, C, H, W) from another side."""
    batch = torch.rot90(batch, turns, (2, 3))
    return batch.flip(2) if mirrored else batch


def turn_back(batch: torch.Tensor, turns: int, mirrored: bool) -> torch.Tensor:
    """Undo `turn`."""
    batch = batch.flip(2) if mirrored else batch
    return torch.rot90(batch, -turns, (2, 3))
