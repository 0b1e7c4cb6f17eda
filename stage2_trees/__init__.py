"""Probability maps of nuclei to instances: candidates of every threshold, scored and selected."""

from stage2_trees.overlap import OverlapTable, best_iou, overlap_table

__all__ = ["OverlapTable", "best_iou", "overlap_table"]
