"""Files on the outside, plain arrays on the inside."""

from .atomic import refuse_overwrite, remove, remove_parts, replacing
from .clean import CleaningConfig, CleaningNotes, clean_labels
from .datasets import Dataset, Record, load_dataset
from .find import find_images, output_stems
from .folds import make_folds
from .label_sets import LabelSource, find_label_sources
from .layout import LABEL_SUFFIX, name_some, short_stem
from .names import bare_cell, guarded_cell, one_line, safe_stem
from .ome_xml import member_of_set
from .overlay import display_levels, draw_outlines, draw_overlay, for_display, write_overlay
from .plane import Plane, Stack, as_real
from .planes import STACKS, PlaneChoice
from .readers import (
    IMAGE_SUFFIXES,
    image_numbers,
    is_zarr,
    open_image,
    read_image,
    read_labels,
)
from .rows import csv_rows
from .source import ImageSource, Level
from .table import ImageTable, read_image_table
from .volumes import write_volumes
from .writers import BAND, write_json, write_label_bands, write_labels, write_table
from .zarr_folders import outermost_zarr, plate_fields, plate_of
from .zarr_labels import label_pyramid

__all__ = [
    "BAND",
    "IMAGE_SUFFIXES",
    "LABEL_SUFFIX",
    "STACKS",
    "CleaningConfig",
    "CleaningNotes",
    "Dataset",
    "ImageSource",
    "ImageTable",
    "LabelSource",
    "Level",
    "Plane",
    "PlaneChoice",
    "Record",
    "Stack",
    "as_real",
    "bare_cell",
    "clean_labels",
    "csv_rows",
    "display_levels",
    "draw_outlines",
    "draw_overlay",
    "find_images",
    "find_label_sources",
    "for_display",
    "guarded_cell",
    "image_numbers",
    "is_zarr",
    "label_pyramid",
    "load_dataset",
    "make_folds",
    "member_of_set",
    "name_some",
    "one_line",
    "open_image",
    "outermost_zarr",
    "output_stems",
    "plate_fields",
    "plate_of",
    "read_image",
    "read_image_table",
    "read_labels",
    "refuse_overwrite",
    "remove",
    "remove_parts",
    "replacing",
    "safe_stem",
    "short_stem",
    "write_json",
    "write_label_bands",
    "write_labels",
    "write_overlay",
    "write_table",
    "write_volumes",
]
