"""A network in its file: what it is like, and the network itself once it has to compute."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .header import LITE_STRIDE, read_config

if TYPE_CHECKING:
    from .network import Network


class NetworkFile:
    """A file that `save_network` wrote; torch is imported only where the network is built.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ValueError
        The file cannot be read, or holds no configuration.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config = read_config(path)

    @cached_property
    def stride(self) -> int:
        """Height and width of images are multiples of this."""
        if self.config.architecture == "compact":
            return 2 ** len(self.config.widths)
        return LITE_STRIDE if self.config.architecture == "lite" else self.build().stride

    def build(self) -> Network:
        """Read the network, see `load_network`; the same one each time."""
        return self._network

    @cached_property
    def _network(self) -> Network:
        from .model import load_network  # imports torch, which is slow

        return load_network(self.path)
