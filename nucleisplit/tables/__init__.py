"""The table of nuclei, in and out."""

from .csv_rows import csv_rows
from .nuclei import (
    csv_to_h5ad,
    is_table,
    need_library,
    read_nuclei,
    stream_nuclei,
    stream_to_parquet,
    write_nuclei,
    write_table,
)

__all__ = [
    "csv_rows",
    "csv_to_h5ad",
    "is_table",
    "need_library",
    "read_nuclei",
    "stream_nuclei",
    "stream_to_parquet",
    "write_nuclei",
    "write_table",
]
