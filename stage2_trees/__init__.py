"""Probability maps of nuclei to instances: candidates of every threshold, scored and selected."""

from stage2_trees.adaptation import Adapted, adapt
from stage2_trees.additions import add_candidates, addition_at
from stage2_trees.alternatives import (
    KINDS,
    Alternative,
    SecondOpinions,
    alternatives_of,
    second_opinions,
)
from stage2_trees.calibration import Calibration, CalibrationSet
from stage2_trees.classifier import NucleusClassifier, cross_fit_classes
from stage2_trees.config import (
    AdaptConfig,
    ForestConfig,
    LinkConfig,
    RecutConfig,
    RegressorConfig,
    SelectConfig,
    ThresholdConfig,
    VolumeConfig,
)
from stage2_trees.features import FEATURE_NAMES, FEATURES, forest_features, image_summary
from stage2_trees.forest import Candidates, Forest, build_forest
from stage2_trees.link import Linked, link_slices
from stage2_trees.overlap import OverlapTable, best_iou, overlap_table
from stage2_trees.overview import Overview, survey_maps
from stage2_trees.quality import DOUBTFUL, expected_map, map_correlation, predicted_map
from stage2_trees.recut import build_recut
from stage2_trees.regressor import IoURegressor
from stage2_trees.select import Rates, find_rates, hits, metric_score, select
from stage2_trees.split import Split, choose, split_maps
from stage2_trees.training import (
    CrossFit,
    ImageRows,
    build_candidates,
    cross_fit,
    cross_val_predict,
    training_rows,
)
from stage2_trees.truth import true_iou
from stage2_trees.volumes import cut_volume
from stage2_trees.watershed import threshold_labels

__all__ = [
    "DOUBTFUL",
    "FEATURES",
    "FEATURE_NAMES",
    "KINDS",
    "AdaptConfig",
    "Adapted",
    "Alternative",
    "Calibration",
    "CalibrationSet",
    "Candidates",
    "CrossFit",
    "Forest",
    "ForestConfig",
    "ImageRows",
    "IoURegressor",
    "LinkConfig",
    "Linked",
    "NucleusClassifier",
    "OverlapTable",
    "Overview",
    "Rates",
    "RecutConfig",
    "RegressorConfig",
    "SecondOpinions",
    "SelectConfig",
    "Split",
    "ThresholdConfig",
    "VolumeConfig",
    "adapt",
    "add_candidates",
    "addition_at",
    "alternatives_of",
    "best_iou",
    "build_candidates",
    "build_forest",
    "build_recut",
    "choose",
    "cross_fit",
    "cross_fit_classes",
    "cross_val_predict",
    "cut_volume",
    "expected_map",
    "find_rates",
    "forest_features",
    "hits",
    "image_summary",
    "link_slices",
    "map_correlation",
    "metric_score",
    "overlap_table",
    "predicted_map",
    "second_opinions",
    "select",
    "split_maps",
    "survey_maps",
    "threshold_labels",
    "training_rows",
    "true_iou",
]
