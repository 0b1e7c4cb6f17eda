"""``nucleisplit models``: what models there are, what each of them is, and one more."""

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
@click.argument("folders", nargs=-1, metavar="[add SOURCE | FOLDER...]", type=FILE_OR_FOLDER)
@click.option("--name", metavar="NAME", help="With add: what to call it. Default: as SOURCE.")
@click.option("--overwrite", is_flag=True, help="With add: replace a model of that name.")
@json_option
def models(folders: tuple[Path, ...], name: str | None, overwrite: bool) -> None:
    """List the models by name, bundled and added, then those in each FOLDER: a model, or several.

    With add, keep a copy of a model for yourself and call it by its name from now on. SOURCE is its
    folder, or the file that nucleisplit export --format model has written of it.

    Every file of a model is checked. Its fingerprint changes with any weight, setting or score of
    it. The mAP is out of fold: that of its training images, each found by networks and trees that
    have not seen it.

    \b
    nucleisplit models
    nucleisplit models data-run-model/
    nucleisplit models trained/                  all models in trained/
    nucleisplit models trained/ --json           for programs
    nucleisplit infer images/ --model default    a model by its name
    nucleisplit models add colleague.model.zip
    nucleisplit models add trained/b --name blood

    Exit code: 0 all models are whole, 1 some are not (the others are listed).
    """
    from nucleisplit.model import add_model, list_models

    if folders and str(folders[0]) == "add":
        if len(folders) != 2:
            raise click.UsageError("add takes one SOURCE: nucleisplit models add FOLDER_OR_ZIP")
        bundle = add_model(folders[1], name, overwrite)
        console.answer(
            f"{bundle.path.name}: model {bundle.fingerprint[:12]} in {bundle.path}",
            {"name": bundle.path.name, "path": bundle.path, "fingerprint": bundle.fingerprint},
        )
        return
    if name or overwrite:
        raise click.UsageError("--name and --overwrite are for nucleisplit models add SOURCE")
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
