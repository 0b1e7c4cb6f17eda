"""What ``infer`` says of the images it has done."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from nucleisplit.names import counted

from . import console

if TYPE_CHECKING:
    from nucleisplit.batch.infer_batch import BatchReport

__all__ = ["entry_line", "tell"]

_REMEDY = (
    "where nuclei are missed, try --sensitivity 0.5 or --diameter with their size in pixels, else "
    "train on images like them: nucleisplit train DATA"
)


def entry_line(entry: dict) -> str:
    """What ``--verbose`` says of an image that was done just now."""
    if entry["status"] == "failed":
        found = "failed"
    else:
        found = counted(entry["nuclei"], "nucleus")
        if "predicted_map" in entry:
            found += f", predicted mAP {entry['predicted_map']:.2f}"
    return f"{entry['path']}: {found}, {entry['seconds']:.2f} s"


def tell(report: BatchReport) -> None:
    """Say how it went: what has computed, the failed images, the doubtful ones, the counts."""
    run = _read_run(report) if console.is_verbose() or console.wants_json() else {}
    if run:
        console.detail(_run_line(run))
    for note in report.notes:
        console.note(f"nucleisplit: {note}")
    for entry in report.failed:
        console.error(entry["message"])
    for entry in report.doubtful:
        reason = f"predicted mAP {entry['predicted_map']:.2f}" if entry["nuclei"] else "no nuclei"
        console.note(f"nucleisplit: {entry['path']}: has likely failed ({reason})")
    for entry in report.images:
        if count := entry.get("missing_chunks"):
            console.note(
                f"nucleisplit: {entry['path']}: {count} chunks are missing and were read as empty; "
                "copy it again if there is an image in them"
            )
    total, failed, doubtful = len(report.images), len(report.failed), len(report.doubtful)
    earlier = f" ({report.skipped} by an earlier run)" if report.skipped else ""
    console.answer(
        f"{counted(report.nuclei, 'nucleus')} in {counted(total - failed, 'image')}{earlier}: "
        f"{report.out}",
        {
            "out": report.out,
            "nuclei": report.nuclei,
            "images": total,
            "failed": failed,
            "doubtful": doubtful,
            "by_earlier_run": report.skipped,
            "notes": list(report.notes),
            "run": run,
        },
    )
    if doubtful:
        console.note(
            f"doubtful: {doubtful} of {counted(total - failed, 'image')}; look at them with "
            f"nucleisplit report {shlex.quote(str(report.out))}; {_REMEDY}"
        )
    tiles, blank = (
        sum(entry.get(key, 0) for entry in report.images) for key in ("tiles", "blank_tiles")
    )
    if blank:
        console.note(f"{blank} of {tiles} tiles of large images are empty and were skipped")
    if dropped := sum(entry.get("dropped_by_class", 0) for entry in report.images):
        console.note(f"{counted(dropped, 'outline')} dropped because of the class, see run.json")
    if failed:
        console.note(
            f"{failed} of {total} images failed; repair or replace them, then repeat with --resume"
        )


def _read_run(report: BatchReport) -> dict:
    from nucleisplit.batch.outputs import RUN

    return json.loads((report.out / RUN).read_text(encoding="utf-8"))


def _run_line(run: dict) -> str:
    asked = run["parameters"]
    models = [f"{m['name']} ({m['fingerprint'][:12]})" for m in run.get("ensemble", [run["model"]])]
    return (
        f"{' + '.join(models)}, {asked['backend']} on {asked['device']}, "
        f"test-time augmentation {asked['tta']}: {run['seconds']:.1f} s"
    )
