"""Images of any kind of file: which plane of it, its pixels region by region."""

from .find import find_images, list_images, output_stems
from .plane import Level, Pixels, Plane, Stack, as_real
from .plane_choice import STACKS, PlaneChoice
from .read import image_numbers, image_size, open_image, read_image
from .source import ImageSource
from .stores.base import OmeGroup
from .stores.ome_xml import member_of_set
from .stores.ome_zarr_folders import (
    LABELS,
    is_consolidated,
    is_zarr,
    ome_attributes,
    outermost_zarr,
    plate_fields,
    plate_of,
    zarr_members,
)

__all__ = [
    "LABELS",
    "STACKS",
    "ImageSource",
    "Level",
    "OmeGroup",
    "Pixels",
    "Plane",
    "PlaneChoice",
    "Stack",
    "as_real",
    "find_images",
    "image_numbers",
    "image_size",
    "is_consolidated",
    "is_zarr",
    "list_images",
    "member_of_set",
    "ome_attributes",
    "open_image",
    "outermost_zarr",
    "output_stems",
    "plate_fields",
    "plate_of",
    "read_image",
    "zarr_members",
]
