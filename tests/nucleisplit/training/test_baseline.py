import numpy as np

from nucleisplit.training.baseline import score_thresholds, tune_thresholds
from nucleisplit.training.pool import ImagePool
from stage2_trees import ThresholdConfig


def blurred_disks():
    """Maps (uint8) whose body fades over some pixels, and a truth that ends where it is 0.65."""
    row, column = np.indices((60, 60)) % 20 - 10
    fade = np.clip(1.5 - np.hypot(row, column) / 8, 0, 1)
    maps = np.zeros((3, 60, 60), np.uint8)
    maps[0] = np.rint(fade * 255)
    cell = np.indices((60, 60)) // 20
    truth = np.where(fade > 0.65, 1 + cell[0] * 3 + cell[1], 0)
    return maps, truth


def test_finds_the_level_of_the_truth():
    maps, truth = blurred_disks()
    lines = []
    with ImagePool([maps, maps], [truth, truth], workers=1) as pool:
        best = tune_thresholds(pool, lines.append)
    soft = maps / np.float32(255)
    assert score_thresholds(soft, truth, "a", ThresholdConfig()).map < 0.9
    assert best.body == 0.65 and score_thresholds(soft, truth, "a", best).map == 1
    assert "body = 0.65: 1.0000" in lines[-1]
