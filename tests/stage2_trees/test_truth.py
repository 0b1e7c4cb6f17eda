import numpy as np
import pytest

from stage2_trees import build_forest, true_iou


@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_painting_each_candidate(nuclei, seed):
    truth, maps = nuclei(seed)
    forest = build_forest(maps)
    found = true_iou(forest, truth.astype(np.uint16) * 11)
    for i in range(len(forest)):
        mask = forest.mask(i)
        ious = [
            (mask & (truth == j)).sum() / (mask | (truth == j)).sum()
            for j in np.unique(truth[truth > 0])
        ]
        assert found[i] == pytest.approx(max(ious), abs=1e-6)


def test_without_any_true_nucleus_all_are_zero(nuclei):
    truth, maps = nuclei(0)
    assert (true_iou(build_forest(maps), np.zeros_like(truth)) == 0).all()


def test_another_shape_is_refused(nuclei):
    truth, maps = nuclei(0)
    with pytest.raises(ValueError, match=r"shape \(63, 72\), the maps \(64, 72\)"):
        true_iou(build_forest(maps), truth[1:])
