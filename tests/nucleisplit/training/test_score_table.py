import numpy as np

from nucleisplit.metric import score_image
from nucleisplit.training.score_table import make_scores, score_lines


def test_table_and_numbers_agree():
    truth = np.array([[1, 1, 0, 2]])
    right, also_right = (score_image(truth, truth, name) for name in "xy")
    wrong = score_image(np.zeros_like(truth), truth, "y")
    scores = make_scores(
        {"threshold": [right, wrong], "trees": [right, also_right]}, {"x": "a", "y": "b"}
    )
    assert scores["methods"]["threshold"]["overall"]["map"] == 0.5
    assert scores["methods"]["threshold"]["kinds"]["b"]["map"] == 0
    assert [line.split() for line in score_lines(scores)] == [
        ["mAP,", "out", "of", "fold", "images", "threshold", "trees"],
        ["all", "2", "0.5000", "1.0000"],
        ["a", "1", "1.0000", "1.0000"],
        ["b", "1", "0.0000", "1.0000"],
        ["mean", "over", "kinds", "2", "0.5000", "1.0000"],
    ]
