"""Options that several commands share."""

from pathlib import Path

import click

CONTEXT = {"help_option_names": ["-h", "--help"]}

EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE_OR_FOLDER = click.Path(path_type=Path)

device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where the network runs; auto takes a GPU when there is one.",
)


def _parse_models(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> list[tuple[str, float]]:
    """Split NAME=WEIGHT, unless a folder is called that."""
    parsed = []
    for word in words:
        name, equals, weight = word.rpartition("=")
        if not equals or Path(word).is_dir():
            parsed.append((word, 1.0))
            continue
        try:
            parsed.append((name, float(weight)))
        except ValueError as error:
            raise click.BadParameter(f"{weight!r} in {word!r} is no number") from error
    return parsed


models_option = click.option(
    "--model",
    "models",
    multiple=True,
    default=["default"],
    show_default=True,
    callback=_parse_models,
    metavar="NAME|PATH[=WEIGHT]",
    help="A bundled model, or the folder of one. Given several times, the maps of all are "
    "averaged by weight (1 when left out), and the trees of the first cut them.",
)

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TOML file with settings of both stages (docs/formats.md); defaults when left out.",
)

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the outputs of an earlier run."
)

FORMAT_NAMES = ("ome-tiff", "tiff", "geojson", "roi", "coco", "coco-polygons", "submission")
"""Those of `nucleisplit.io.formats.FORMATS`, here so that ``--help`` need not import them."""


def _parse_formats(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    """Split at commas; refuse what is no format, and the one that is written anyway."""
    names = tuple(name for word in words for name in word.split(",") if name)
    allowed = [name for name in FORMAT_NAMES if name != "tiff"]
    for name in names:
        if name not in allowed:
            raise click.BadParameter(f"{name!r} is none of {', '.join(allowed)}")
    return names


write_option = click.option(
    "--write",
    "formats",
    multiple=True,
    callback=_parse_formats,
    metavar="FORMAT,...",
    help="Write the outlines in these formats too: geojson (QuPath), roi (ImageJ and Fiji), "
    "ome-tiff, coco, coco-polygons, submission (Data Science Bowl 2018).",
)


def out_option(help_text: str):
    """``--out``: a path that the command makes, or chooses beside its input by default."""
    return click.option("--out", type=FILE_OR_FOLDER, metavar="DIR", help=help_text)
