"""``nucleisplit convert``: labels from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nucleisplit.names import counted

from . import console
from .options import CONTEXT, FILE_OR_FOLDER, FORMAT_NAMES, label_options, overwrite_option
from .switches import json_option

if TYPE_CHECKING:
    from nucleisplit.images import PlaneChoice


@click.command(context_settings=CONTEXT)
@click.argument("source", metavar="IN", type=FILE_OR_FOLDER)
@click.argument("target", metavar="OUT", type=FILE_OR_FOLDER)
@click.option(
    "--to",
    "name",
    type=click.Choice(FORMAT_NAMES),
    help="The format of OUT. Default: told by its ending.",
)
@click.option(
    "--pixel-size",
    type=click.FloatRange(0, min_open=True),
    metavar="UM",
    help="Width and height of a pixel, micrometres; only for ome-tiff, ome-zarr and spatialdata.",
)
@label_options
@overwrite_option
@json_option
def convert(
    source: Path,
    target: Path,
    name: str | None,
    pixel_size: float | None,
    planes: PlaneChoice,
    overwrite: bool,
) -> None:
    """Convert labels: a file IN into the file OUT, or a folder of them into the folder OUT.

    IN is whatever evaluate takes: label images, outlines, a dataset, a folder written by infer or
    Cellpose. A file IN of several images, COCO or run lengths, makes a folder OUT.
    Where IN does not say how large the image is, it has to lie beside it, or in images/. Several
    images go into one table when OUT ends in .csv. Tables of nuclei become Parquet (.parquet) or
    AnnData (.h5ad), and back.

    \b
    nucleisplit convert cells_labels.tif cells.geojson         for QuPath
    nucleisplit convert images-nuclei/ rois/ --to roi          for ImageJ and Fiji
    nucleisplit convert images-nuclei/ submission.csv          run lengths of all images
    nucleisplit convert DATA/labels/ masks/ --to tiff
    nucleisplit convert a.geojson a.ome.tif --pixel-size 0.25
    nucleisplit convert instances.json labels/ --to tiff       COCO of many images
    nucleisplit convert images-nuclei/nuclei.csv nuclei.parquet
    nucleisplit convert images-nuclei/nuclei.csv nuclei.h5ad   for scanpy and squidpy
    nucleisplit convert rois/ labels/ --to tiff --json         for programs

    \b
    tiff           NAME.tif                 label image
    numpy          NAME.npy                 the same as an array of NumPy
    ome-tiff       NAME.ome.tif             label image with the size of a pixel
    ome-zarr       NAME.ome.zarr            folder with a pyramid, for napari and clusters
    ome-zarr-0.4   NAME.ome.zarr            the same as older programs know it
    geojson        NAME.geojson             outlines for QuPath
    geojson-gz     NAME.geojson.gz          the same, packed
    geoparquet     NAME.geoparquet          outlines and measurements for GeoPandas and DuckDB
    roi            NAME.rois.zip            regions for ImageJ and Fiji
    coco           NAME.coco.json           run lengths for pycocotools
    coco-polygons  NAME.coco-polygons.json  polygons; run lengths where there are holes
    hovernet       NAME.hovernet.json       outlines and types as of HoVer-Net and CellViT
    spatialdata    NAME.spatialdata.zarr    labels and outlines for spatialdata, sopa, squidpy
    submission     NAME.submission.csv      run lengths of the Data Science Bowl 2018
    """
    from nucleisplit.datasets import convert_labels, convert_table
    from nucleisplit.tables import is_table

    console.detail(f"reading {source}")
    if is_table(source) or (is_table(target) and name is None):
        count = convert_table(source, target, overwrite)
        console.answer(
            f"{counted(count, 'nucleus')}: {target}",
            {"out": target, "nuclei": count, "images": None},
        )
        return
    count, images = convert_labels(source, target, name, pixel_size, overwrite, planes)
    console.answer(
        f"{counted(count, 'nucleus')} in {counted(images, 'image')}: {target}",
        {"out": target, "nuclei": count, "images": images},
    )
