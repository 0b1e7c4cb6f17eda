"""Label images in the formats of other programs: each with a writer and a reader."""

from .arrays import read_array, write_array
from .coco import read_coco, write_coco, write_coco_polygons
from .endings import OUTLINE_SUFFIXES, stem_of
from .geojson import read_geojson, write_geojson
from .ome import write_ome_tiff
from .outlines import Outlines, fill_outlines, trace_outlines
from .registry import FORMATS, Format, format_of, get_format, read_label_file, write_as
from .roi import read_roi, write_roi
from .submission import read_submission, write_submission, write_submissions
from .tables import (
    is_table,
    need_library,
    read_nuclei,
    stream_to_h5ad,
    stream_to_parquet,
    write_nuclei,
)
from .zarr_image import write_ome_zarr

__all__ = [
    "FORMATS",
    "OUTLINE_SUFFIXES",
    "Format",
    "Outlines",
    "fill_outlines",
    "format_of",
    "get_format",
    "is_table",
    "stem_of",
    "need_library",
    "read_array",
    "read_coco",
    "read_geojson",
    "read_label_file",
    "read_nuclei",
    "read_roi",
    "read_submission",
    "stream_to_h5ad",
    "stream_to_parquet",
    "trace_outlines",
    "write_array",
    "write_as",
    "write_coco",
    "write_coco_polygons",
    "write_geojson",
    "write_nuclei",
    "write_ome_tiff",
    "write_ome_zarr",
    "write_roi",
    "write_submission",
    "write_submissions",
]
