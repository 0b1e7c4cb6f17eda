import pytest
import torch

from stage1_unet.losses import bce_dice


def test_perfect_and_opposite():
    targets = torch.zeros(2, 3, 8, 8)
    targets[:, :, :4] = 1
    logits = (targets * 2 - 1) * 20
    assert bce_dice(logits, targets).item() == pytest.approx(0, abs=1e-6)
    assert bce_dice(-logits, targets).item() == pytest.approx(21 - 1 / 129, abs=1e-3)


def test_value_of_a_literal_case():
    logits, targets = torch.zeros(1, 1, 1, 2), torch.tensor([[[[0.0, 1.0]]]])
    entropy, dice = 0.693147, 1 - (2 * 0.5 + 1) / (1 + 1 + 1)
    assert bce_dice(logits, targets).item() == pytest.approx(entropy + dice, abs=1e-5)


def test_empty_truth_and_empty_prediction_cost_nothing():
    assert bce_dice(torch.full((1, 3, 4, 4), -30.0), torch.zeros(1, 3, 4, 4)).item() < 1e-6


def test_half_precision_is_summed_in_full():
    logits, targets = torch.zeros(1, 3, 256, 256), torch.ones(1, 3, 256, 256)
    half = bce_dice(logits.bfloat16(), targets.bfloat16())
    assert half.item() == pytest.approx(bce_dice(logits, targets).item(), rel=1e-4)
