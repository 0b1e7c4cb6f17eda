"""``nucleisplit export``: the networks of a model for other programs, or all of it as a file."""

from __future__ import annotations

from pathlib import Path

import click

from . import console
from .completers import complete_files, complete_models
from .options import CONTEXT, FILE_OR_FOLDER, overwrite_option
from .switches import json_option


@click.command(context_settings=CONTEXT)
@click.argument("model", shell_complete=complete_models)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["bioimageio", "model", "onnx"]),
    required=True,
    help="A package for bioimage.io (ONNX and TorchScript), one ONNX file, or the whole model as "
    "one file for nucleisplit models add.",
)
@click.option(
    "--out",
    type=FILE_OR_FOLDER,
    metavar="FILE",
    help="Default: MODEL.bioimageio.zip, MODEL.onnx or MODEL.model.zip in the current folder.",
)
@click.option(
    "--sample",
    type=FILE_OR_FOLDER,
    shell_complete=complete_files,
    metavar="IMAGE",
    help="For a package: an image of the kind that the model is for, whose middle is shown and "
    "tested with. Default: nuclei in fluorescence, drawn.",
)
@click.option(
    "--author",
    "authors",
    multiple=True,
    metavar="NAME",
    help="For a package: who made the model; may be given several times.",
)
@click.option(
    "--license",
    metavar="SPDX",
    help="For a package: the license of the model, such as CC-BY-4.0.",
)
@overwrite_option
@json_option
def export(
    model: str,
    kind: str,
    out: Path | None,
    sample: Path | None,
    authors: tuple[str, ...],
    license: str | None,
    overwrite: bool,
) -> None:
    """Write the networks of MODEL for other programs: image to the maps body, border, separation.

    MODEL is the name of a bundled model or a folder. The second stage, the trees that turn the
    maps into nuclei, is not part of it (docs/export.md). Needs the extra export:
    pip install ".[export]".
    With --format model all of it becomes one file, for colleagues, and nothing more is needed.

    \b
    nucleisplit export default --format onnx --out nuclei.onnx
    nucleisplit export default --format bioimageio --out nuclei.zip
    nucleisplit export mine/ --format model         mine.model.zip
    nucleisplit export mine/ --format bioimageio --author "A. Name" --license CC-BY-4.0 \\
        --sample tissue.png
    """
    if kind != "bioimageio" and (sample or authors or license):
        raise click.UsageError("--sample, --author and --license are for --format bioimageio")
    from nucleisplit.export import export_model

    console.detail(f"{model}: exporting as {kind}")
    done = export_model(
        model, kind, out, sample=sample, authors=authors, license=license, overwrite=overwrite
    )
    found = ", ".join(f"{name} by {value:.1e}" for name, value in done.differences.items())
    told = f"; largest difference from torch: {found}" if found else ""
    console.answer(
        f"{done.path}: model {done.fingerprint[:12]}{told}",
        {
            "out": done.path,
            "format": kind,
            "fingerprint": done.fingerprint,
            "differences": done.differences,
        },
    )
