"""Options of inference: checked when they are made, and the same everywhere."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from nucleisplit.config import ClassesConfig
from nucleisplit.errors import ConfigError
from nucleisplit.images import PlaneChoice
from nucleisplit.measure import Measures
from nucleisplit.options import BatchOptions, InferOptions
from stage2_trees import SelectConfig


def test_sequences_become_tuples_so_that_options_can_be_keys():
    options = BatchOptions(model=["a", "b"], weights=np.array([1, 2]), write=["roi", "geojson"])
    assert (options.model, options.weights) == (("a", "b"), (1.0, 2.0))
    assert options.write == ("geojson", "roi")
    assert hash(options) == hash(replace(options, model=("a", "b")))
    with pytest.raises(FrozenInstanceError):
        options.tile = 512


def test_what_is_not_given_is_as_the_model_was_made():
    made = SelectConfig(split_bias=0.5, sensitivity=0.25)
    cut = InferOptions(min_iou=0.3, sensitivity=0).cut(made)
    assert (cut.min_iou, cut.min_area, cut.split_bias, cut.sensitivity) == (0.3, 0, 0.5, 0)


def test_limits_of_classes_come_before_those_of_the_model():
    made = ClassesConfig(min_iou={"a": 0.5, "b": 0.6}, min_area={"b": 9})
    cut = InferOptions(class_min_iou={"a": 0}).cut(SelectConfig()).with_classes_of(made)
    assert (cut.class_min_iou, cut.class_min_area) == ({"a": 0, "b": 0.6}, {"b": 9})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": []}, "no model"),
        ({"tta": "all"}, "tta is 'all'; give one of none, flips, d4"),
        ({"diameter": float("nan")}, "diameter is nan"),
        ({"diameter": 9, "rescale": False}, "of no use without rescaling"),
        ({"min_iou": 2}, "min_iou is 2"),
        ({"sensitivity": "high"}, "sensitivity is 'high'"),
        ({"write": ["svg"]}, "svg"),
        ({"write": ["roi"], "planes": PlaneChoice(z="each")}, "roi hold no stacks"),
        ({"planes": PlaneChoice(z="3d"), "measures": Measures(())}, "measurements of their own"),
    ],
)
def test_what_is_out_of_range_is_refused_before_a_model_is_loaded(fields, message):
    with pytest.raises(ConfigError, match=message):
        BatchOptions(**fields)


def test_a_word_that_is_no_option():
    with pytest.raises(TypeError, match="diametre"):
        InferOptions(diametre=9)
