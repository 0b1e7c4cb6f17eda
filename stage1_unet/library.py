"""Networks of segmentation-models-pytorch, made to look like ours."""

from __future__ import annotations

import re

import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn

from . import residual  # noqa: F401 (registers our encoder)
from .config import NetworkConfig
from .network import Network

_DECODERS_WITH_WIDTHS = ("unet", "unetplusplus", "manet")
_HALVINGS_OF_DECODERS = {"pan": 3}
"""How often a decoder halves what the encoder gave it."""

_FAILURES = AssertionError, KeyError, OSError, RuntimeError, TypeError, ValueError


class LibraryNetwork(Network):
    """A network of the library that knows its stride and its configuration.

    Parameters
    ----------
    model : Module
        From segmentation-models-pytorch.
    config : NetworkConfig
        What it was built from.
    """

    def __init__(self, model: smp.base.SegmentationModel, config: NetworkConfig) -> None:
        super().__init__()
        self.model, self.config = model, config
        halvings = _HALVINGS_OF_DECODERS.get(config.architecture.lower(), 0)
        self.stride = model.encoder.output_stride * 2**halvings

    @property
    def encoder(self) -> nn.Module:
        """The part that may come with weights learnt elsewhere."""
        return self.model.encoder

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


def build_library_network(config: NetworkConfig, outputs: int) -> LibraryNetwork:
    """Build a network by the names of its architecture and encoder, and try it on a small image.

    Parameters
    ----------
    config : NetworkConfig
    outputs : int
        Channels of the output.

    Returns
    -------
    LibraryNetwork

    Raises
    ------
    ValueError
        When one of the names is unknown, its weights cannot be had, or the two do not go together.
    """
    options = {}
    _check_encoder(config.encoder)
    if config.architecture.lower() in _DECODERS_WITH_WIDTHS:
        if len(config.widths) != 5:
            raise ValueError(f"this decoder needs five widths, got {config.widths}")
        options["decoder_channels"] = config.widths[::-1]
    from_timm = config.encoder.startswith("tu-")
    weights = config.encoder_weights
    try:
        model = smp.create_model(
            config.architecture,
            encoder_name=config.encoder,
            encoder_weights=True if from_timm and weights else weights,
            in_channels=3,
            classes=outputs,
            **options,
        )
        network = LibraryNetwork(model, config)
        _try(network, outputs)
    except _FAILURES as error:
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"cannot build {config.architecture!r} with encoder {config.encoder!r}: {reason}"
        ) from error
    return network


def _check_encoder(name: str) -> None:
    """Refuse what is no registered name: timm would take the address of a hub, or a folder."""
    ours = name in smp.encoders.get_encoder_names()
    if not ours and not (re.fullmatch(r"tu-[\w.]+", name) and timm.is_model(name[3:])):
        raise ValueError(
            f"unknown encoder {name!r}: neither of segmentation-models-pytorch, nor tu- and a "
            "name of timm"
        )


def _try(network: LibraryNetwork, outputs: int) -> None:
    height, width = network.stride, 2 * network.stride
    with torch.inference_mode():
        shape = tuple(network.eval()(torch.zeros(1, 3, height, width)).shape)
    network.train()
    if shape != (1, outputs, height, width):
        raise ValueError(f"an image of {height} x {width} pixels gives an output of shape {shape}")
