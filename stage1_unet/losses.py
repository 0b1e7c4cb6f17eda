"""What training minimises."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from .config import NetworkConfig, TrainConfig
from .heads import split_logits, to_classes, to_probabilities

FOCUS = 2.0
"""Exponent of the focal loss, as in Lin et al. 2017."""

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def build_loss(config: TrainConfig, network: NetworkConfig) -> Loss:
    """Build the loss of a configuration.

    Each is the sum of a term per pixel and one of overlap per mask, and pixels of weight 0 have
    no part in either.

    - ``bce_dice``: cross-entropy + soft dice (Milletari et al. 2016);
    - ``ce_dice``: 0.6 cross-entropy + 0.2 dice of the body + 0.2 dice of the other masks (0.4
      dice of the body where it is the only mask);
    - ``focal``: focal loss (Lin et al. 2017) + soft dice.

    The cross-entropy is binary and averaged over the masks for a sigmoid head, and that of the
    exclusive classes for a softmax head. A network with a distance channel pays its mean absolute
    error, too.

    Parameters
    ----------
    config : TrainConfig
    network : NetworkConfig

    Returns
    -------
    callable
        ``loss(logits, targets, weights)`` of logits (N, K, H, W), targets (N, len(channels) +
        distance, H, W) from `make_targets`, and weights (N, 1, H, W): a scalar Tensor.
    """

    def loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        logits, targets, weights = logits.float(), targets.float(), weights.float()
        raw, far = split_logits(logits, network)
        masks, true_far = split_logits(targets, network)
        focus = FOCUS if config.loss == "focal" else 0.0
        pixels = _mean(_entropy(raw, masks, network, focus), weights)
        probabilities = to_probabilities(logits, network)
        if config.loss == "ce_dice":
            body, *others = _dice(probabilities, masks, weights)
            total = 0.6 * pixels + 0.2 * body + 0.2 * torch.stack(others or [body]).mean()
        else:
            total = pixels + _dice(probabilities, masks, weights).mean()
        if far is not None and true_far is not None:
            total = total + _mean((torch.sigmoid(far) - true_far).abs(), weights)
        return total

    return loss


def _mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean of (N, K, H, W); 0 where no pixel weighs anything."""
    return (values * weights).sum() / (weights.sum() * values.shape[1]).clamp(min=1e-6)


def _entropy(
    logits: torch.Tensor, masks: torch.Tensor, network: NetworkConfig, focus: float
) -> torch.Tensor:
    """Return the cross-entropy of each mask, or of the classes (one channel), at each pixel.

    With a focus above 0, pixels that are nearly right count the less.
    """
    if network.head == "softmax":
        shares = to_classes(masks, network)
        entropy = -shares * torch.log_softmax(logits, dim=1)
        if focus:
            entropy = entropy * (shares - torch.softmax(logits, dim=1)).abs() ** focus
        return entropy.sum(dim=1, keepdim=True)
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    return entropy * (masks - torch.sigmoid(logits)).abs() ** focus if focus else entropy


def _dice(probabilities: torch.Tensor, masks: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the soft dice loss of each mask, shape (K,).

    It is taken over the whole batch, so that a crop without nuclei does not upset it; it keeps
    the thin border and separation bands from drowning in background.
    """
    axes = (0, 2, 3)
    overlap = (probabilities * masks * weights).sum(axes)
    total = ((probabilities + masks) * weights).sum(axes)
    return 1 - (2 * overlap + 1) / (total + 1)
