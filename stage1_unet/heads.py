"""What the outputs of a network mean: from logits to maps, and from masks to exclusive classes."""

from __future__ import annotations

from itertools import product

import torch

from .config import NetworkConfig
from .targets import CHANNELS


def list_classes(channels: tuple[str, ...]) -> list[tuple[int, ...]]:
    """List the exclusive classes of a softmax head.

    A class is a combination of masks that can occur at a pixel; a border lies in a body, all
    other combinations occur. So no mask takes precedence over another, and the probability of a
    mask is the sum over the classes it is part of.

    Parameters
    ----------
    channels : tuple of str
        The masks that are predicted, see `NetworkConfig.channels`.

    Returns
    -------
    list of tuple of int
        For each class and each of `channels`, whether the mask is set; the first is background.

    Examples
    --------
    >>> list_classes(("body", "border"))
    [(0, 0), (1, 0), (1, 1)]
    """
    return [
        bits
        for bits in product((0, 1), repeat=len(channels))
        if bits[0] or not dict(zip(channels, bits, strict=True)).get("border")
    ]


def count_outputs(config: NetworkConfig) -> int:
    """Return the number of output channels of a network."""
    softmax = config.head == "softmax"
    masks = list_classes(config.channels) if softmax else config.channels
    return len(masks) + config.distance


def split_logits(
    logits: torch.Tensor, config: NetworkConfig
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Split logits or targets into those of the masks and that of the distance, if there is one."""
    return (logits[:, :-1], logits[:, -1:]) if config.distance else (logits, None)


def to_probabilities(logits: torch.Tensor, config: NetworkConfig) -> torch.Tensor:
    """Turn logits into the probabilities of the masks that are predicted.

    Parameters
    ----------
    logits : Tensor, shape (N, K, H, W)
        What the network returned.
    config : NetworkConfig

    Returns
    -------
    Tensor, shape (N, len(config.channels), H, W), float32
    """
    logits = split_logits(logits, config)[0].float()
    if config.head == "sigmoid":
        return torch.sigmoid(logits)
    members = torch.tensor(list_classes(config.channels), dtype=torch.float32)
    shares = torch.softmax(logits, dim=1)
    return torch.einsum("nchw,ck->nkhw", shares, members.to(shares.device)).clamp(0, 1)


def to_maps(logits: torch.Tensor, config: NetworkConfig) -> torch.Tensor:
    """Turn logits into maps.

    Parameters
    ----------
    logits : Tensor, shape (N, K, H, W)
        What the network returned.
    config : NetworkConfig

    Returns
    -------
    Tensor, shape (N, 3, H, W), float32
        Probabilities in the order of `CHANNELS`; 0 for those that are not predicted.
    """
    probabilities = to_probabilities(logits, config)
    if config.channels == CHANNELS:
        return probabilities
    found = dict(zip(config.channels, probabilities.split(1, dim=1), strict=True))
    empty = torch.zeros_like(probabilities[:, :1])
    return torch.cat([found.get(name, empty) for name in CHANNELS], dim=1)


def to_classes(masks: torch.Tensor, config: NetworkConfig) -> torch.Tensor:
    """Turn masks into the shares of the exclusive classes that a softmax head learns.

    Parameters
    ----------
    masks : Tensor, shape (N, len(config.channels), H, W), float32
        In [0, 1], the border within the body. Where all are 0 or 1, so are the shares; between,
        as in mixed images, border and separation count as independent within and without bodies.
    config : NetworkConfig

    Returns
    -------
    Tensor, shape (N, C, H, W), float32
        C as in `list_classes`; the sum over the classes is 1.
    """
    named = dict(zip(config.channels, masks.unbind(1), strict=True))
    body = named["body"]
    border, separation = named.get("border"), named.get("separation")
    shares = []
    for bits in list_classes(config.channels):
        bit = dict(zip(config.channels, bits, strict=True))
        share = body if bit["body"] else 1 - body
        if border is not None and bit["body"]:
            share = border if bit["border"] else body - border
        if separation is not None:
            share = share * (separation if bit["separation"] else 1 - separation)
        shares.append(share)
    return torch.stack(shares, dim=1)
