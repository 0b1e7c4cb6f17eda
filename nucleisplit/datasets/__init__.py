"""Images with their true labels: found, cleaned, dealt into folds, converted."""

from .classes import (
    CLASSES_TABLE,
    ImageClasses,
    read_class_colors,
    read_classes,
    read_source_classes,
)
from .clean import CleaningConfig, CleaningNotes, clean_labels
from .conversion import convert_labels, convert_table
from .dataset import Dataset, Record, load_dataset
from .folds import make_folds
from .image_table import ImageTable, read_image_table
from .label_sets import LabelSource, find_label_sources
from .pairs import LABEL_SUFFIX, find_pairs, short_stem

__all__ = [
    "CLASSES_TABLE",
    "LABEL_SUFFIX",
    "CleaningConfig",
    "CleaningNotes",
    "Dataset",
    "ImageClasses",
    "ImageTable",
    "LabelSource",
    "Record",
    "clean_labels",
    "convert_labels",
    "convert_table",
    "find_label_sources",
    "find_pairs",
    "load_dataset",
    "make_folds",
    "read_class_colors",
    "read_classes",
    "read_image_table",
    "read_source_classes",
    "short_stem",
]
