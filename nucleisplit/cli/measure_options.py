"""Options that say what is measured of every nucleus."""

from __future__ import annotations

import click

GROUP_NAMES = ("shape", "intensity", "texture", "neighbours")
"""Those of `nucleisplit.measure.GROUPS`, here so that ``--help`` need not import them."""
_DEFAULT = "shape,intensity,neighbours"


def _parse_groups(
    _context: click.Context, _parameter: click.Parameter, text: str
) -> tuple[str, ...]:
    """Split at commas; ``all`` and ``none`` stand alone."""
    if text in ("all", "none"):
        return GROUP_NAMES if text == "all" else ()
    names = tuple(name for name in text.split(",") if name)
    for name in names:
        if name not in GROUP_NAMES:
            raise click.BadParameter(f"{name!r} is none of {', '.join(GROUP_NAMES)}, all, none")
    return names


_OPTIONS = (
    click.option(
        "--measure",
        "groups",
        default=_DEFAULT,
        show_default=True,
        callback=_parse_groups,
        metavar="GROUP,...",
        help="What to measure beside place and area: shape, intensity, texture, neighbours; all, "
        "none (docs/formats.md).",
    ),
    click.option(
        "--measure-channels",
        "channels",
        type=click.Choice(["chosen", "all"]),
        default="chosen",
        show_default=True,
        help="Measure the intensity of the channels that are segmented, or of all in the file.",
    ),
    click.option(
        "--neighbour-radius",
        "radius",
        type=click.FloatRange(0, min_open=True),
        metavar="PX",
        help="Nuclei whose centres lie within so many pixels are near. Default: three times the "
        "median diameter of the nuclei of the image.",
    ),
)


def measure_options(command):
    """``--measure``, ``--measure-channels`` and ``--neighbour-radius``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
