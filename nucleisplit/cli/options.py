"""Options that several commands share."""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from nucleisplit.cli.completers import complete_models, complete_words

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

backend_option = click.option(
    "--backend",
    type=click.Choice(["auto", "torch", "openvino", "openvino-bf16", "openvino-int8"]),
    default="auto",
    show_default=True,
    help="The backend that runs the network. auto: torch on a GPU; on a CPU OpenVINO, in the "
    "lowest precision that the processor supports and the model was checked in.",
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


def parse_limits(number: click.ParamType) -> Callable:
    """Make a callback that takes numbers for all nuclei, X, and for those of a class, CLASS=X."""

    def parse(
        context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
    ) -> tuple[float, dict[str, float]]:
        limits: dict[str, float] = {}
        for word in words:
            name, equals, value = word.rpartition("=")
            if equals and not name:
                raise click.BadParameter(f"{word!r} names no class")
            if name in limits:
                raise click.BadParameter(f"is given twice for {name or 'all nuclei'}")
            limits[name] = number.convert(value, parameter, context)
        return limits.pop("", number.convert("0", parameter, context)), limits

    return parse


models_option = click.option(
    "--model",
    "models",
    multiple=True,
    default=["default"],
    show_default=True,
    callback=_parse_models,
    shell_complete=complete_models,
    metavar="NAME|PATH[=WEIGHT]",
    help="A bundled model, or the folder of one. Given several times, the maps of all are "
    "averaged by weight (1 when left out), and the trees of the first find the nuclei.",
)

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TOML file with settings of both stages (docs/settings.md); defaults when left out.",
)


def _parse_slice(
    _context: click.Context, _parameter: click.Parameter, word: str | None
) -> int | str | None:
    """Take the number of a slice, or a word."""
    words = ("max", "each", "3d")
    if word is None or word.lower() in words:
        return word and word.lower()
    if not word.isdecimal():
        raise click.BadParameter(
            f"{word!r} is neither {', '.join(words)} nor the number of a slice"
        )
    return int(word)


def _parse_scene(
    _context: click.Context, _parameter: click.Parameter, word: str | None
) -> int | str | None:
    """Take the number of an image, or all."""
    if word is None or word.lower() == "all":
        return word and word.lower()
    if not word.isdecimal():
        raise click.BadParameter(f"{word!r} is neither all nor the number of an image")
    return int(word)


_PLANE_OPTIONS = (
    click.option(
        "--channel",
        metavar="NAME|N[,N,N]",
        help="The channel of the nuclei, by name or by number from 0, or three of them as red, "
        "green and blue. Needed where an image has several and is not a colour image.",
    ),
    click.option(
        "--axes",
        metavar="LETTERS",
        callback=lambda _context, _parameter, word: word and word.upper(),
        help="What the dimensions of the files are, in their order, where they do not say: letters "
        "of TCZYXS (time, channel, depth, rows, columns, colour samples), such as ZYX.",
    ),
    click.option(
        "--z",
        metavar="max|each|3d|N",
        callback=_parse_slice,
        help="Of a stack, the maximum over all slices (max), every slice as an image of its own "
        "(each), nuclei in 3-D (3d), or the slice of that number, from 0.",
    ),
    click.option(
        "--anisotropy",
        type=click.FloatRange(0, min_open=True),
        metavar="X",
        help="For --z 3d: distance of the slices divided by the size of a pixel. Default: as "
        "the file says.",
    ),
    click.option("--t", type=click.IntRange(0), metavar="N", help="The time point, from 0."),
    click.option(
        "--scene",
        callback=_parse_scene,
        metavar="N|all",
        help="The image, from 0, of files that hold several, or each of them (all).",
    ),
    click.option(
        "--image", metavar="NAME", help="The image, by name, of a SpatialData that holds several."
    ),
    click.option(
        "--level",
        type=click.IntRange(0),
        metavar="N",
        help="The level of a pyramid. Default: 0, the finest.",
    ),
    click.option(
        "--mpp",
        type=click.FloatRange(0, min_open=True),
        metavar="UM",
        help="Instead of --level: the level whose pixels come closest to this size in um.",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(1),
        metavar="N",
        help="Accept a file that claims to have so many pixels. Default: 17 billion, and above 67 "
        "million no more than its bytes can hold.",
    ),
)


_LABEL_OPTIONS = (
    click.option(
        "--channel", metavar="NAME|N", help="Of label images with several channels, that one."
    ),
    click.option(
        "--axes",
        metavar="LETTERS",
        callback=lambda _context, _parameter, word: word and word.upper(),
        help="What the dimensions of label images are, where they do not say: as for infer.",
    ),
    click.option("--z", type=click.IntRange(0), metavar="N", help="Of stacks, that slice, from 0."),
    click.option("--t", type=click.IntRange(0), metavar="N", help="The time point, from 0."),
    click.option(
        "--scene",
        type=click.IntRange(0),
        metavar="N",
        help="The image, from 0, of files that hold several.",
    ),
)


def gathered(
    options: Sequence[Callable], names: Sequence[str], into: str, make: Callable[..., Any]
) -> Callable[[Callable], Callable]:
    """Give a command options, and the values of those that are named as one object.

    Parameters
    ----------
    options
        Of click, in the order of the help text.
    names
        What the values are called, by click and by `make`.
    into
        The argument of the command that gets the object.
    make
        Makes the object when the command runs, so that ``--help`` need not import its class.
    """

    def decorate(command: Callable) -> Callable:
        @wraps(command)
        def gathering(**values: Any) -> Any:
            values[into] = make(**{name: values.pop(name) for name in names})
            return command(**values)

        for option in reversed(options):
            gathering = option(gathering)
        return gathering

    return decorate


def _choose_plane(**fields: Any) -> Any:
    from nucleisplit.images import PlaneChoice

    return PlaneChoice(**fields)


_PLACES = ("channel", "axes", "z", "t", "scene")
label_options = gathered(_LABEL_OPTIONS, _PLACES, "planes", _choose_plane)
"""``--channel``, ``--axes``, ``--z``, ``--t`` and ``--scene``: which plane holds the labels."""
_SIZES = ("image", "level", "mpp", "max_pixels")
plane_options = gathered(_PLANE_OPTIONS, (*_PLACES, *_SIZES), "planes", _choose_plane)
"""``--channel``, ``--axes``, ``--z`` and what else says which plane of a file is read; and
``--anisotropy``, which is no part of it."""

overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the outputs of an earlier run."
)

FORMAT_NAMES = (
    "ome-tiff",
    "ome-zarr",
    "ome-zarr-0.4",
    "tiff",
    "numpy",
    "geojson",
    "geojson-gz",
    "geoparquet",
    "roi",
    "coco",
    "coco-polygons",
    "hovernet",
    "spatialdata",
    "submission",
)
"""Those of `nucleisplit.labels.FORMATS`, here so that ``--help`` need not import them."""

_MORE_FORMATS = tuple(name for name in FORMAT_NAMES if name != "tiff")


def _parse_formats(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    """Split at commas; refuse what is no format, and the one that is written anyway."""
    names = tuple(name for word in words for name in word.split(",") if name)
    for name in names:
        if name not in _MORE_FORMATS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(_MORE_FORMATS)}")
    return names


write_option = click.option(
    "--write",
    multiple=True,
    callback=_parse_formats,
    shell_complete=complete_words(_MORE_FORMATS),
    metavar="FORMAT,...",
    help="Write the outlines in these formats too: geojson (QuPath; geojson-gz packs it), roi "
    "(ImageJ and Fiji), geoparquet, ome-tiff, ome-zarr (0.5), ome-zarr-0.4, numpy, coco, "
    "coco-polygons, spatialdata (with the image and the table), submission (Data Science Bowl "
    "2018).",
)


def beside(path: Path, what: str) -> Path:
    """The folder that is made where ``--out`` is not given: data/ gives data-run/.

    >>> beside(Path("/data"), "run").as_posix()
    '/data-run'
    """
    return path.resolve().with_name(f"{path.resolve().name}-{what}")


def out_option(help_text: str):
    """``--out``: a path that the command makes, or chooses beside its input by default."""
    return click.option("--out", type=FILE_OR_FOLDER, metavar="DIR", help=help_text)
