"""Pixel size, distance of slices and channel names from what the different kinds of TIFF say."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import tifffile

from .base import micrometres
from .ome_xml import children

__all__ = ["channel_names", "pixel_size", "z_step"]

PLAUSIBLE_UM = 20.0
"""A plain resolution tag that says more is the dots per inch of a screen or a printer."""


def pixel_size(
    tiff: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    pixels: ElementTree.Element | None = None,
) -> tuple[float, float] | None:
    """Height and width of a pixel in um at full resolution; None where the file does not say.

    OME-TIFF says it in its XML, Aperio slides in their description, ImageJ by its unit and the
    resolution tags; other files by the resolution tags alone, which are believed where they give
    less than `PLAUSIBLE_UM`.

    Parameters
    ----------
    tiff, series
        The file and the image in it.
    pixels : Element, optional
        Of the OME-XML, those of this image.
    """
    page = series.keyframe
    if pixels is not None:
        sizes = [_physical_size(pixels, axis) for axis in "YX"]
    elif tiff.is_svs and (found := re.search(r"\bMPP\s*=\s*([\d.]+)", page.description)):
        sizes = [micrometres(float(found[1]), "um")] * 2
    elif tiff.is_imagej:
        unit = (tiff.imagej_metadata or {}).get("unit")
        across, down = page.get_resolution()
        sizes = [micrometres(1 / pixels, unit) if pixels else None for pixels in (down, across)]
    else:
        unit = {2: "inch", 3: "cm", 4: "mm", 5: "um"}.get(page.tags.valueof(296, default=2))
        if not {282, 283} <= set(page.tags.keys()):
            return None
        across, down = page.get_resolution()
        sizes = [micrometres(1 / pixels, unit) if pixels else None for pixels in (down, across)]
        if any(size and size > PLAUSIBLE_UM for size in sizes):
            return None
    height, width = sizes
    return (height, width) if height and width else None


def z_step(tiff: tifffile.TiffFile, pixels: ElementTree.Element | None = None) -> float | None:
    """Distance of the slices in um; None where the file (OME-TIFF or ImageJ) does not say."""
    if pixels is not None:
        return _physical_size(pixels, "Z")
    if tiff.is_imagej:
        found = tiff.imagej_metadata or {}
        return micrometres(float(found.get("spacing", 0)), found.get("unit"))
    return None


def channel_names(
    tiff: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    pixels: ElementTree.Element | None = None,
) -> tuple[str, ...]:
    """Names of the channels, where OME-XML or ImageJ has one for each."""
    count = dict(zip(series.axes, series.shape, strict=True)).get("C", 1)
    names: list[str] = []
    if pixels is not None:
        names = [channel.get("Name", "") for channel in children(pixels, "Channel")]
    elif tiff.is_imagej and series.axes == "CYX":
        names = [str(label) for label in (tiff.imagej_metadata or {}).get("Labels") or []]
    return tuple(names) if len(names) == count and all(names) else ()


def _physical_size(pixels: ElementTree.Element, axis: str) -> float | None:
    length = float(pixels.get(f"PhysicalSize{axis}", 0))
    return micrometres(length, pixels.get(f"PhysicalSize{axis}Unit", "µm"))
