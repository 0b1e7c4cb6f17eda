"""``nucleisplit infer``: images in, nuclei out."""

import sys
from pathlib import Path
from typing import Any

import click

from nucleisplit.cli import console
from nucleisplit.cli.compiling import note_compiling
from nucleisplit.cli.completers import complete_files, complete_models
from nucleisplit.cli.exits import PARTLY
from nucleisplit.cli.infer_report import entry_line, tell
from nucleisplit.cli.measure_options import measure_options
from nucleisplit.cli.options import (
    CONTEXT,
    backend_option,
    device_option,
    models_option,
    out_option,
    overwrite_option,
    parse_limits,
    plane_options,
    write_option,
)
from nucleisplit.cli.progress import progress_bar
from nucleisplit.cli.switches import json_option


@click.command(context_settings=CONTEXT)
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGES...", shell_complete=complete_files
)
@out_option("Output folder. Default: beside the input, images/ gives images-nuclei/.")
@models_option
@click.option(
    "--min-iou",
    multiple=True,
    callback=parse_limits(click.FloatRange(0, 1)),
    metavar="[CLASS=]X",
    help="Drop nuclei whose predicted IoU is lower; with a class, those of that class. May be "
    "given several times. Default: 0, all that were found.",
)
@click.option(
    "--min-area",
    multiple=True,
    callback=parse_limits(click.IntRange(0)),
    metavar="[CLASS=]PX",
    help="Consider no outlines of fewer pixels; with a class, drop nuclei of that class that are "
    "smaller. May be given several times. Default: 0, no limit.",
)
@click.option(
    "--classes",
    metavar="NAME|PATH|none",
    shell_complete=complete_models,
    help="The model whose classes are told, where it is not --model; none: tell no classes.",
)
@click.option(
    "--split-bias",
    type=click.FloatRange(-1, 1),
    metavar="X",
    help="From -1, merge what can be merged, to 1, split what can be split. "
    "Default: as the model was made, in general 0, what is expected to score best.",
)
@click.option(
    "--sensitivity",
    type=click.FloatRange(-1, 1),
    metavar="X",
    help="Up to 1, keep more nuclei, in the end all that are credible; down to -1, only those that "
    "are nearly certain. Default: as the model was made, in general 0.",
)
@click.option(
    "--outline-bias",
    type=click.FloatRange(-1, 1),
    metavar="X",
    help="Up to 1, wider outlines of the same nuclei; down to -1, tighter ones. Default: as the "
    "model was made, in general 0, what is expected to score best.",
)
@click.option(
    "--tta",
    type=click.Choice(["none", "flips", "d4"]),
    is_flag=False,
    flag_value="d4",
    help="Average the maps over 4 (flips) or 8 (d4, also a bare --tta) views, which takes "
    "as many times as long. Default: as the model was trained.",
)
@click.option(
    "--diameter",
    type=click.FloatRange(0, min_open=True),
    metavar="PX",
    help="Typical diameter of the nuclei, pixels. Default: measured in every image.",
)
@click.option(
    "--no-rescale",
    is_flag=True,
    help="Show every image to the network at its own scale, however small or large its nuclei.",
)
@click.option(
    "--tile",
    type=click.IntRange(256),
    metavar="PX",
    help="Compute images with a longer side in tiles of this size, the margin included. Default: "
    "images above 8 megapixels, in tiles of 2048.",
)
@plane_options
@measure_options
@device_option
@backend_option
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Compute the images, and the tiles of large ones, in N processes. Default: in this one.",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Compute them on the workers of this dask scheduler, such as tcp://node1:8786, which have "
    "to see the same files and to be able to write to the output folder.",
)
@overwrite_option
@click.option("--resume", is_flag=True, help="Do only what an earlier run left undone or failed.")
@write_option
@click.option(
    "--mask-name",
    metavar="NAME",
    help="Write the label image as a 2-D OME-TIFF of this name, too; {name} stands for that of the "
    "image: {name}_mask.ome.tif for mcmicro and nf-core.",
)
@click.option(
    "--expand",
    metavar="PX|UM",
    help="Grow the nuclei into cells, too, by so many pixels (10), or micrometres (5um) where an "
    "image tells the size of a pixel; cells never overlap. Writes NAME_cells.tif, the formats of "
    "--write for them, and cells.csv.",
)
@click.option(
    "--with-image", is_flag=True, help="With --write ome-zarr: copy the image into it, too."
)
@click.option(
    "--in-place",
    is_flag=True,
    help="Write the labels into each image, too, which has to be an OME-Zarr: as labels/nuclei.",
)
@click.option("--parquet", is_flag=True, help="Write the table of nuclei as Parquet, too.")
@click.option("--h5ad", is_flag=True, help="Write it as AnnData, too, for scanpy and squidpy.")
@click.option("--no-overlay", is_flag=True, help="Write no pictures of the outlines.")
@json_option
def infer(
    images: tuple[str, ...],
    out: Path | None,
    models: list[tuple[str, float]],
    overwrite: bool,
    resume: bool,
    **options: Any,
) -> None:
    """Outline, separate and measure the nuclei of IMAGES: files, folders, glob patterns.

    Writes per image a label image (NAME_labels.tif) and a picture of the outlines
    (NAME_overlay.png), one table of all nuclei (nuclei.csv) and a record of the run (run.json).

    \b
    nucleisplit infer images/                    results in images-nuclei/
    nucleisplit infer a.png 'more/*.tif' --out results
    nucleisplit infer images/ --resume           resumes after an interruption
    nucleisplit infer images/ --min-iou 0.6      only outlines that can be trusted
    nucleisplit infer images/ --model mine/ --min-area lymphocyte=40
    nucleisplit infer images/ --diameter 90      nuclei far larger than usual
    nucleisplit infer images/ --write geojson    outlines for QuPath as well
    nucleisplit infer a.ome.tif --expand 5um     cells around the nuclei as well
    nucleisplit infer stack.ome.tif --channel DAPI --z max
    nucleisplit infer stack.ome.tif --channel DAPI --z 3d
    nucleisplit infer slide.svs --mpp 0.5        the level of a pyramid
    nucleisplit infer a.ome.zarr --in-place      labels in the image's own OME-Zarr
    nucleisplit infer images/ --model default --model mine/=0.5
    nucleisplit infer images/ --verbose          a line for every image
    nucleisplit infer images/ --json | jq .nuclei    for programs

    Exit code: 0 all images done, 1 some images failed (the others are done),
    2 nothing could be done or the run had to stop.
    """
    workers, dask = options["workers"], options["dask"]
    if workers and dask:
        raise click.UsageError("--workers and --dask exclude each other")
    from nucleisplit.images import find_images

    find_images(images)  # a path that is wrong is said before anything heavy is loaded
    from nucleisplit.batch.infer_batch import infer_batch
    from nucleisplit.measure import Measures

    names, weights = zip(*models, strict=True)
    note_compiling()
    for name in ("min_iou", "min_area"):
        options[name], options[f"class_{name}"] = options[name]
    told = options.pop("classes")
    options["classes"] = told is None or (told != "none" and told)
    for name in ("rescale", "overlay"):
        options[name] = not options.pop(f"no_{name}")
    measured = {name: options.pop(name) for name in ("groups", "channels", "radius")}
    console.detail(
        f"{', '.join(images)}: model {' + '.join(names)}, device {options['device']}, "
        f"backend {options['backend']}"
    )
    with progress_bar("segmenting") as show:

        def progress(done: float, total: int, entry: dict | None) -> None:
            show(done, total, entry)
            if entry is not None:
                console.detail(f"[{done:.0f}/{total}] {entry_line(entry)}")

        report = infer_batch(
            images,
            out,
            model=names,
            weights=weights,
            measures=Measures(**measured),
            overwrite=overwrite,
            resume=resume,
            progress=progress,
            **options,
        )
    tell(report)
    if report.failed:
        sys.exit(PARTLY)
