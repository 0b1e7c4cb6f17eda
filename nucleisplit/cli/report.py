"""``nucleisplit report``: a batch at a glance, as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from nucleisplit.names import counted

from . import console
from .options import CONTEXT, FILE_OR_FOLDER, overwrite_option
from .progress import progress_bar
from .switches import json_option


@click.command(context_settings=CONTEXT)
@click.argument("folder", metavar="OUT", type=FILE_OR_FOLDER)
@click.option(
    "--truth",
    type=FILE_OR_FOLDER,
    metavar="DIR",
    help="Also compare with the truth: label images, outlines or a dataset, as for evaluate.",
)
@click.option(
    "--out",
    type=FILE_OR_FOLDER,
    metavar="FILE",
    help="The HTML file. Default: report.html in OUT. Links to pictures are relative to it.",
)
@click.option(
    "--queue",
    "limit",
    type=click.IntRange(0, 500),
    default=200,
    show_default=True,
    metavar="N",
    help="Nuclei in the review queue.",
)
@overwrite_option
@json_option
def report(folder: Path, truth: Path | None, out: Path | None, limit: int, overwrite: bool) -> None:
    """Show what infer wrote into the folder OUT on one page, which needs no network.

    Per image a thumbnail with outlines, counts, histograms, predicted quality and warnings; the
    nuclei most worth a second look, each with its second opinion; with --truth the scores, and
    the worst faults: nuclei missed, merged, split or spurious.

    \b
    nucleisplit report images-nuclei/
    nucleisplit report images-nuclei/ --truth labels/
    nucleisplit report images-nuclei/ --out day1.html --queue 500
    nucleisplit report images-nuclei/ --truth labels/ --json    for programs
    """
    from nucleisplit.report import write_report

    console.detail(f"reading {folder}" + (f", the truth from {truth}" if truth else ""))
    with progress_bar("reporting") as progress:
        path, content = write_report(
            folder, truth, out, limit=limit, overwrite=overwrite, progress=progress
        )
    nuclei = sum(len(card.entry.table) for card in content.images)
    console.answer(
        f"{counted(nuclei, 'nucleus')} in {counted(len(content.images), 'image')}, "
        f"{len(content.queue)} of them in the review queue: {path}",
        {
            "out": path,
            "nuclei": nuclei,
            "images": len(content.images),
            "to_review": len(content.queue),
            "scores": content.truth and content.truth.summary.as_dict(),
        },
    )
