"""The report as one HTML file that needs nothing else: no network, no fonts, no other files."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nucleisplit import __version__
from nucleisplit.files import refuse_overwrite, replacing
from nucleisplit.metric import THRESHOLDS

from .batch_folder import read_run
from .compare import FAULTS
from .figures import ap_curve, bars, class_bar, histogram, reliability_plot
from .gather import Content, gather

__all__ = ["NAME", "render", "write_report"]

NAME = "report.html"
"""What the report is called in the folder of the run."""
BINS = 24
"""Of a histogram."""


def write_report(
    folder: str | Path,
    truth: str | Path | None = None,
    out: str | Path | None = None,
    *,
    limit: int = 200,
    overwrite: bool = False,
    progress: Callable[[int, int, dict], None] | None = None,
) -> tuple[Path, Content]:
    """Write the report of a run of ``infer``.

    Parameters
    ----------
    folder : path
        Written by ``infer``.
    truth : path, optional
        Label images or outlines to compare with, a folder of them or a dataset.
    out : path, optional
        The HTML file; by default ``report.html`` in the folder.
    limit : int
        Nuclei in the review queue.
    overwrite : bool
        Replace an earlier report.
    progress : callable, optional
        As for `nucleisplit.report.gather.gather`.

    Returns
    -------
    path, content
        Where it is, and what is in it.

    Raises
    ------
    InputError
        The folder is none that ``infer`` wrote, or the truth cannot be used.
    OutputError
        The file exists and may not be replaced, or cannot be written.
    """
    out = Path(folder) / NAME if out is None else Path(out)
    refuse_overwrite(out, overwrite)
    content = gather(read_run(folder), truth, limit, progress)
    text = render(content, out)
    with replacing(out, overwrite) as part:
        part.write_text(text, encoding="utf-8")
    return out, content


def render(content: Content, out: Path) -> str:
    """Fill the template; links are relative to where the page will lie."""
    environment = Environment(
        loader=PackageLoader("nucleisplit.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (_own(name) for name in ("page.css", "page.js"))
    return environment.get_template("page.html").render(
        content=content,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        version=__version__,
        made=time.strftime("%Y-%m-%d %H:%M"),
        kinds=FAULTS,
        unit="µm" if content.unit == "um" else "px",
        href=lambda path: _href(path, out.parent),
        figures=_figures(content),
        **_mini(content),
    )


def _figures(content: Content) -> list[tuple[str, Markup]]:
    """The figures of the whole batch, each with its caption."""
    tables = [card.entry.table["predicted_iou"] for card in content.images]
    iou = np.concatenate([np.zeros(0), *tables])
    sizes = np.concatenate([np.zeros(0), *(card.diameters for card in content.images)])
    unit = "µm" if content.unit == "um" else "px"
    low = f"{np.count_nonzero(iou < 0.5)} of {iou.size} nuclei are below 0.5"
    middle = f"median {np.median(sizes):.1f} {unit}" if sizes.size else "no nuclei"
    drawn = [
        (f"Predicted IoU: {low}", histogram(_counts(iou, 1), 0, 1, "predicted IoU", low)),
        (
            f"Size of the nuclei: {middle}",
            histogram(
                _counts(sizes, _largest(content)),
                0,
                _largest(content),
                f"equivalent diameter, {unit}",
                middle,
            ),
        ),
    ]
    if content.truth is None:
        return drawn
    scores = content.truth.summary
    curves: dict[str, Sequence[float]] = {"mean over images": scores.ap, "pooled": scores.ap_pooled}
    text = f"AP is {scores.ap[0]:.3f} at IoU 0.50, {scores.ap[5]:.3f} at 0.75"
    error = f"mean absolute error of one nucleus {content.truth.error:.3f}"
    return [
        (f"Average precision: {text}", ap_curve(THRESHOLDS, curves, text)),
        (
            f"Reliability of the predicted IoU, in tenths of the nuclei: {error}",
            reliability_plot(content.truth.bins, error),
        ),
        *drawn,
    ]


def _mini(content: Content) -> dict[str, Any]:
    """The two small histograms of an image, on the same axes for all images."""
    largest = _largest(content)
    colours = content.run.class_colors
    return {
        "class_bar": lambda card: class_bar(card.entry.classes, colours),
        "largest": largest,
        "size_bars": lambda card: bars(_counts(card.diameters, largest), "histogram of sizes"),
        "iou_bars": lambda card: bars(
            _counts(card.entry.table["predicted_iou"].to_numpy(float), 1),
            "histogram of predicted IoU",
        ),
    }


def _largest(content: Content) -> float:
    """Upper end of the sizes: nearly the largest nucleus, so that one giant hides nothing."""
    sizes = np.concatenate([np.zeros(0), *(card.diameters for card in content.images)])
    return float(np.ceil(np.percentile(sizes, 99.5))) if sizes.size else 1.0


def _counts(values: np.ndarray, largest: float) -> list[int]:
    """Count in `BINS` bins from 0; what is beyond goes into the last."""
    values = np.asarray(values, float)
    clipped = np.clip(values[np.isfinite(values)], 0, largest)
    return np.histogram(clipped, BINS, (0, largest))[0].tolist()


def _own(name: str) -> str:
    return (files("nucleisplit.report") / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """A content security policy under which this page's own style and script run, nothing else."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    ]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; "
        f"script-src 'sha256-{hashes[1]}'; base-uri 'none'; form-action 'none'"
    )


def _href(path: Path, folder: Path) -> str:
    try:
        relative = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return path.resolve().as_uri()
    return quote(relative)
