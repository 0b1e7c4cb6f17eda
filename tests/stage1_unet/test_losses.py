from itertools import product
from math import log

import numpy as np
import pytest
import torch

from stage1_unet import NetworkConfig, TrainConfig, build_network, make_targets
from stage1_unet.heads import count_outputs, to_classes, to_maps
from stage1_unet.losses import build_loss

LOSSES = ("bce_dice", "ce_dice", "focal")
BODY = NetworkConfig(channels=("body",))
ALL = [
    NetworkConfig(head=head, channels=channels, distance=distance)
    for head, channels, distance in product(
        ("sigmoid", "softmax"), (("body",), ("body", "border", "separation")), (False, True)
    )
]


def loss_of(name, network=BODY):
    return build_loss(TrainConfig(loss=name), network)


def row(*values):
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


def masks_of(network, side=8):
    masks = torch.zeros(2, 3, side, side)
    masks[:, 0, 1:6, 1:6] = 1
    masks[:, 1, 1, 1:6] = 1
    masks[0, 2, 5:7] = 1
    return masks[:, : len(network.channels)]


def sure(masks, network, height=30.0):
    """Logits that are right everywhere."""
    right = to_classes(masks, network) if network.head == "softmax" else masks * 2 - 1
    return height * right


def with_distance(logits, masks, network):
    if not network.distance:
        return logits, masks
    return torch.cat([logits, row(0).expand_as(logits[:, :1])], 1), torch.cat(
        [masks, row(0.5).expand_as(masks[:, :1])], 1
    )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("network", ALL, ids=str)
def test_right_costs_nothing_and_wrong_much(name, network):
    masks = masks_of(network)
    logits, targets = with_distance(sure(masks, network), masks, network)
    loss, weights = loss_of(name, network), torch.ones(2, 1, 8, 8)
    assert loss(logits, targets, weights).item() == pytest.approx(0, abs=1e-5)
    wrong = torch.cat([-logits[:, :-1], logits[:, -1:]], 1) if network.distance else -logits
    assert loss(wrong, targets, weights).item() > 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bce_dice", log(2) + 1 / 3),
        ("ce_dice", 0.6 * log(2) + 0.4 / 3),
        ("focal", log(2) / 4 + 1 / 3),
    ],
)
def test_undecided_pixels(name, value):
    """Dice of (0.5, 0.5) and (0, 1), smoothed by 1: 1 - (2 * 0.5 + 1) / (1 + 1 + 1)."""
    assert loss_of(name)(row(0, 0), row(0, 1), row(1, 1)).item() == pytest.approx(value)


def test_dice_of_the_body_counts_as_much_as_that_of_the_others():
    network = NetworkConfig()
    masks = torch.zeros(1, 3, 1, 10)
    masks[:, 0] = 1
    logits = sure(masks, network)
    for channel, value in ((0, 0.2 * 10 / 11), (1, 0.1 * 10 / 11), (2, 0.1 * 10 / 11)):
        wrong = logits.clone()
        wrong[:, channel] *= -1
        value += 0.6 * 30 / 3
        loss = loss_of("ce_dice", network)(wrong, masks, torch.ones(1, 1, 1, 10))
        assert loss.item() == pytest.approx(value, rel=1e-4)


def test_softmax_entropy_is_that_of_the_classes():
    network = NetworkConfig(head="softmax", channels=("body", "border"))
    shares = torch.tensor([0.2, 0.3, 0.5]).view(1, 3, 1, 1)
    masks = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    dice = [1 - (2 * 0.8 + 1) / (1.8 + 1), 1 - 1 / (0.5 + 1)]
    loss = loss_of("ce_dice", network)(shares.log(), masks, row(1))
    assert loss.item() == pytest.approx(-0.6 * log(0.3) + 0.2 * sum(dice), rel=1e-5)
    focal = loss_of("focal", network)(shares.log(), masks, row(1))
    assert focal.item() == pytest.approx(-(0.7**2) * log(0.3) + sum(dice) / 2, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("network", ALL, ids=str)
def test_pixels_of_weight_zero_have_no_part(name, network):
    torch.manual_seed(0)
    loss, masks = loss_of(name, network), masks_of(network)
    logits = torch.randn(2, count_outputs(network), 8, 8)
    targets = with_distance(logits, masks, network)[1]
    weights = torch.ones(2, 1, 8, 8)
    weights[..., :3] = 0
    part = loss(logits[..., 3:], targets[..., 3:], weights[..., 3:])
    logits[..., :3] = 40 * torch.randn(2, count_outputs(network), 8, 3)
    logits.requires_grad_()
    whole = loss(logits, targets, weights)
    assert whole.item() == pytest.approx(part.item(), rel=1e-5)
    whole.backward()
    assert not logits.grad[..., :3].any() and logits.grad[..., 3:].any()


@pytest.mark.parametrize("name", LOSSES)
def test_a_pixel_of_weight_two_counts_as_two(name):
    torch.manual_seed(0)
    logits, masks = torch.randn(1, 1, 1, 6), row(1, 0, 1, 1, 0, 0)
    loss, twice = loss_of(name), torch.tensor([0, 1, 2, 3, 4, 5, 5])
    once = loss(logits, masks, row(1, 1, 1, 1, 1, 2))
    repeated = loss(logits[..., twice], masks[..., twice], torch.ones(1, 1, 1, 7))
    assert once.item() == pytest.approx(repeated.item(), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("network", ALL, ids=str)
@pytest.mark.parametrize("height", [0.0, 1.0, 1e3])
def test_gradients_are_finite(name, network, height):
    torch.manual_seed(0)
    masks = masks_of(network)
    logits = height * torch.randn(2, count_outputs(network), 8, 8)
    logits, targets = logits.bfloat16().requires_grad_(), with_distance(logits, masks, network)[1]
    for weights in (torch.ones(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)):
        logits.grad = None
        loss = loss_of(name, network)(logits, targets * 0.9, weights)
        loss.backward()
        assert loss.isfinite() and logits.grad.isfinite().all()
        assert loss.dtype == torch.float32
        assert weights.any() or loss.item() == 0


def test_distance_pays_its_mean_error():
    network = BODY.model_copy(update={"distance": True})
    logits, targets = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    targets[0, 1, 0] = torch.tensor([0.6, 1.0])
    plain = loss_of("bce_dice")(logits[:, :1], targets[:, :1], row(1, 3))
    loss = loss_of("bce_dice", network)(logits, targets, row(1, 3))
    assert loss.item() - plain.item() == pytest.approx((0.1 + 3 * 0.5) / 4, rel=1e-5)


def test_half_precision_is_summed_in_full():
    network = NetworkConfig()
    logits, targets = torch.zeros(1, 3, 256, 256), torch.ones(1, 3, 256, 256)
    loss, weights = loss_of("bce_dice", network), torch.ones(1, 1, 256, 256)
    half = loss(logits.bfloat16(), targets.bfloat16(), weights.bfloat16())
    assert half.item() == pytest.approx(loss(logits, targets, weights).item(), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_each_teaches_the_maps(name, head):
    torch.manual_seed(0)
    labels = np.zeros((32, 32), np.int32)
    labels[4:14, 4:14], labels[14:26, 6:20] = 1, 2
    network = NetworkConfig(widths=(8, 16), head=head, distance=True)
    targets = torch.from_numpy(make_targets(labels, distance=True))[None]
    image = targets[:, 3:].expand(1, 3, 32, 32)
    net, loss = build_network(network), loss_of(name, network)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss(net(image), targets, torch.ones(1, 1, 32, 32)).backward()
        optimizer.step()
    maps = to_maps(net(image), network) > 0.5
    assert (maps == targets[:, :3].bool()).float().mean() > 0.97
