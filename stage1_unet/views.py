"""The flips and quarter turns of test-time augmentation."""

from __future__ import annotations

import numpy as np

_FLIPS = ((0, False), (0, True), (2, False), (2, True))
VIEWS = {
    "none": ((0, False),),
    "flips": _FLIPS,
    "d4": (*_FLIPS, (1, False), (1, True), (3, False), (3, True)),
}
"""Quarter turns, then whether the rows are mirrored, of each view."""


def turn(batch: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
    """Show (N, C, H, W) from another side."""
    batch = np.rot90(batch, turns, (2, 3))
    return batch[:, :, ::-1] if mirrored else batch


def turn_back(batch: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
    """Undo `turn`."""
    batch = batch[:, :, ::-1] if mirrored else batch
    return np.rot90(batch, -turns, (2, 3))
