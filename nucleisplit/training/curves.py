"""The curves of a training run, losses and scores, as a picture."""

from __future__ import annotations

import csv
from pathlib import Path

from nucleisplit.files import replacing

from .run_folder import TrainingRun

_TITLES = ("loss, training", "loss, held out", "mAP, held out")


def draw_curves(run: TrainingRun) -> Path:
    """Draw ``curves.png`` from the logs of every network trained so far.

    Parameters
    ----------
    run : TrainingRun

    Returns
    -------
    Path
        The picture: training loss, held-out loss and held-out mAP.
    """
    from matplotlib.figure import Figure

    figure = Figure((12, 3.6), layout="constrained")
    axes = figure.subplots(1, 3)
    axes[1].sharey(axes[0])
    for index, network in enumerate(sorted(run.folder.glob("*/log"))):
        rows: list[dict[str, str]] = []
        for log in sorted(network.glob("start-*/metrics.csv"), key=lambda p: p.stat().st_mtime):
            with log.open(newline="") as file:
                rows.extend(csv.DictReader(file))
        for ax, column in zip(axes, ("train_loss", "val_loss", "val_map"), strict=True):
            points = [(int(r["step"]), float(r[column])) for r in rows if r.get(column)]
            if points:
                ax.plot(
                    *zip(*points, strict=True), label=network.parent.name, color=f"C{index}", lw=1
                )
    for ax, title in zip(axes, _TITLES, strict=True):
        ax.set(title=title, xlabel="step")
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("loss (cross-entropy + dice)")
    axes[2].set_ylabel("mAP of a plain watershed")
    if axes[0].lines:
        axes[0].legend(frameon=False)
    path = run.folder / "curves.png"
    with replacing(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    return path
