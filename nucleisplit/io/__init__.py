"""Files on the outside, plain arrays on the inside."""

from .clean import CleaningConfig, CleaningNotes, clean_labels
from .datasets import Dataset, Record, load_dataset
from .folds import make_folds
from .readers import IMAGE_SUFFIXES, read_image, read_labels
from .table import ImageTable, read_image_table

__all__ = [
    "IMAGE_SUFFIXES",
    "CleaningConfig",
    "CleaningNotes",
    "Dataset",
    "ImageTable",
    "Record",
    "clean_labels",
    "load_dataset",
    "make_folds",
    "read_image",
    "read_image_table",
    "read_labels",
]
