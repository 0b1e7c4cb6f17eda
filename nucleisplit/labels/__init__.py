"""Label images and outlines, in the formats of many programs: each with a writer and a reader."""

from .arrays import read_array, write_array
from .classes import class_color, class_names, classes_by_label
from .coco import read_coco, write_coco, write_coco_polygons
from .geojson import read_geojson, write_geojson
from .geoparquet import read_geoparquet, write_geoparquet
from .imagej_roi import check_roi_size, read_roi, write_roi
from .label_check import as_labels
from .label_stream import LabelStream, stream_label_file
from .ome_tiff import write_ome_tiff
from .ome_zarr import write_ome_zarr
from .ome_zarr_pyramid import is_labels_only
from .outlines import Outlines, fill_outlines, trace_outlines
from .registry import FORMATS, Format, format_of, get_format, read_label_file, write_as
from .submission import read_submission, write_submission, write_submissions
from .tiff import BAND, read_labels, write_label_bands, write_labels
from .volumes import write_volumes

__all__ = [
    "BAND",
    "FORMATS",
    "Format",
    "LabelStream",
    "Outlines",
    "as_labels",
    "check_roi_size",
    "class_color",
    "class_names",
    "classes_by_label",
    "fill_outlines",
    "format_of",
    "get_format",
    "is_labels_only",
    "read_array",
    "read_coco",
    "read_geojson",
    "read_geoparquet",
    "read_label_file",
    "read_labels",
    "read_roi",
    "read_submission",
    "stream_label_file",
    "trace_outlines",
    "write_array",
    "write_as",
    "write_coco",
    "write_coco_polygons",
    "write_geojson",
    "write_geoparquet",
    "write_label_bands",
    "write_labels",
    "write_ome_tiff",
    "write_ome_zarr",
    "write_roi",
    "write_submission",
    "write_submissions",
    "write_volumes",
]
