"""Label images and outlines, in the formats of many programs: each with a writer and a reader."""

from .arrays import read_array, write_array
from .class_map import ClassMap, find_class_map, read_class_map
from .classes import CLASS_COLORS, class_names, classes_by_label, colors_of
from .coco import read_coco, write_coco, write_coco_polygons
from .geojson import read_geojson, write_geojson
from .geoparquet import read_geoparquet, write_geoparquet
from .hovernet import is_hovernet, read_hovernet, write_hovernet
from .imagej_roi import check_roi_size, read_roi, write_roi
from .label_check import as_labels
from .label_stream import LabelStream, stream_label_file
from .ome_tiff import write_ome_tiff
from .ome_zarr import is_labels_only, write_ome_zarr
from .ome_zarr_in_place import check_in_place, take_back, write_in_place
from .outlines import Outlines, fill_outlines, trace_outlines
from .registry import FORMATS, Format, format_of, get_format, read_label_file, write_as
from .spatialdata import read_spatialdata, to_spatialdata, write_spatialdata
from .submission import read_submission, write_submission, write_submissions
from .tiff import BAND, read_labels, write_label_bands, write_labels
from .volumes import write_volumes

__all__ = [
    "BAND",
    "CLASS_COLORS",
    "FORMATS",
    "ClassMap",
    "Format",
    "LabelStream",
    "Outlines",
    "as_labels",
    "check_in_place",
    "check_roi_size",
    "class_names",
    "classes_by_label",
    "colors_of",
    "fill_outlines",
    "find_class_map",
    "format_of",
    "get_format",
    "is_hovernet",
    "is_labels_only",
    "read_array",
    "read_class_map",
    "read_coco",
    "read_geojson",
    "read_geoparquet",
    "read_hovernet",
    "read_label_file",
    "read_labels",
    "read_roi",
    "read_spatialdata",
    "read_submission",
    "stream_label_file",
    "take_back",
    "to_spatialdata",
    "trace_outlines",
    "write_array",
    "write_as",
    "write_coco",
    "write_coco_polygons",
    "write_geojson",
    "write_geoparquet",
    "write_hovernet",
    "write_in_place",
    "write_label_bands",
    "write_labels",
    "write_ome_tiff",
    "write_ome_zarr",
    "write_roi",
    "write_spatialdata",
    "write_submission",
    "write_submissions",
    "write_volumes",
]
