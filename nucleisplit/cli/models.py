"""``nucleisplit models``: what models there are, and what each of them is."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nucleisplit.cli import console
from nucleisplit.cli.exits import PARTLY
from nucleisplit.cli.options import CONTEXT, FILE_OR_FOLDER
from nucleisplit.cli.switches import json_option
from nucleisplit.cli.text_table import aligned


@click.command(context_settings=CONTEXT)
@click.argument("folders", nargs=-1, metavar="[FOLDER]...", type=FILE_OR_FOLDER)
@json_option
def models(folders: tuple[Path, ...]) -> None:
    """List the bundled models by name, then those in each FOLDER: a model, or one of models.

    Every file of a model is checked. Its fingerprint changes with any weight, setting or score of
    it. The mAP is out of fold: that of its training images, each found by networks and trees that
    have not seen it.

    \b
    nucleisplit models
    nucleisplit models data-run-model/
    nucleisplit models trained/                  all models in trained/
    nucleisplit models trained/ --json           for programs
    nucleisplit infer images/ --model default    a model by its name

    Exit code: 0 all models are whole, 1 some are not (the others are listed).
    """
    from nucleisplit.model import list_models

    entries = list_models(folders)
    whole = [entry for entry in entries if not entry["error"]]
    console.answer(_table(whole), {"models": entries})
    for entry in entries:
        if entry["error"]:
            console.error(entry["error"])
        else:
            training = entry["training"]
            kinds = ", ".join(f"{n} of {name}" for name, n in training["kinds"].items())
            console.detail(
                f"{entry['name']}: {entry['path']}, written by nucleisplit {entry['nucleisplit']}, "
                f"maps {', '.join(entry['channels'])}, test-time augmentation {entry['tta']}, "
                f"trained on data {training['fingerprint'][:12]}" + (f" ({kinds})" if kinds else "")
            )
    if len(whole) < len(entries):
        sys.exit(PARTLY)


def _table(entries: list[dict]) -> str:
    head = ["", "fingerprint", "MB", "networks", "precision", "images", "nuclei", "mAP"]
    rows = [head]
    for entry in entries:
        training = entry["training"]
        rows.append(
            [
                entry["name"],
                entry["fingerprint"][:12],
                f"{entry['bytes'] / 1e6:.1f}",
                f"{entry['networks']} {entry['architecture']}",
                ", ".join(entry["precisions"]),
                _number(training["images"], "d"),
                _number(training["nuclei"], "d"),
                _number(entry["map"], ".3f"),
            ]
        )
    return aligned(rows)


def _number(value: float | None, form: str) -> str:
    return "?" if value is None else format(value, form)
