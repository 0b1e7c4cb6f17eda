import numpy as np
import pytest

import nucleisplit
from nucleisplit.cut import Cut
from nucleisplit.errors import ConfigError


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ({"split_bias": 2}, "split_bias is 2; give a number from -1 to 1"),
        ({"sensitivity": -1.1}, "sensitivity is -1.1; give a number from -1 to 1"),
        ({"sensitivity": np.nan}, "sensitivity is nan; give a number from -1 to 1"),
        ({"sensitivity": "high"}, "sensitivity is 'high'; give a number from -1 to 1"),
        ({"split_bias": [1]}, r"split_bias is \[1\]; give a number"),
        ({"min_iou": "0.5"}, "min_iou is '0.5'; give a number from 0 to 1"),
        ({"min_area": -1}, "min_area is -1; give 0 or more pixels"),
        ({"min_area": np.inf}, "min_area is inf; give 0 or more pixels"),
    ],
)
def test_bad_cuts_are_refused(model, cut, message):
    with pytest.raises(ConfigError, match=message):
        Cut(**cut)
    with pytest.raises(ConfigError, match=message):
        nucleisplit.Segmenter(model, device="cpu", **cut)
