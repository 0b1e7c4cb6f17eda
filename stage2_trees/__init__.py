"""Probability maps of nuclei to instances: candidates of every threshold, scored and selected."""

from stage2_trees.config import ForestConfig, RegressorConfig, SelectConfig, ThresholdConfig
from stage2_trees.overlap import OverlapTable, best_iou, overlap_table
from stage2_trees.watershed import threshold_labels

__all__ = [
    "ForestConfig",
    "OverlapTable",
    "RegressorConfig",
    "SelectConfig",
    "ThresholdConfig",
    "best_iou",
    "overlap_table",
    "threshold_labels",
]
