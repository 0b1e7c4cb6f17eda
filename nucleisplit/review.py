"""The nuclei of an image that are worth a second look, and what else they could have been: a file
beside its label image, from which ``nucleisplit report`` makes its review queue."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nucleisplit.errors import InputError
from nucleisplit.files import replacing
from nucleisplit.labels import trace_outlines
from nucleisplit.result import Segmentation
from stage2_trees import Alternative

__all__ = ["LIMIT", "Doubt", "doubtful_first", "find_doubts", "read_review", "write_review"]

UNSURE = 0.7
"""Nuclei whose class is less probable are worth a look for its sake."""
LIMIT = 40
"""Nuclei of one image that the file holds at most."""


@dataclass(frozen=True)
class Doubt:
    """One nucleus and its closest second opinion."""

    label: int
    """Its number in the label image."""
    predicted_iou: float
    kind: str | None = None
    """What it could be instead: ``merged`` or ``split``, and only where it has neither, ``tighter``
    or ``wider``; None where there is nothing else."""
    other_iou: float | None = None
    """Predicted IoU of that, the mean of its parts."""
    margin: float | None = None
    """How far that lies behind in expected hits of the metric: near 0, it was a close choice."""
    partners: tuple[int, ...] = ()
    """Labels of the nuclei that it would be merged with."""
    outlines: tuple[tuple[int, ...], ...] = ()
    """Its rings as x0, y0, x1, y1, ... along the edges between pixels, in pixels of the image."""

    @property
    def closeness(self) -> float:
        """The margin of another way to count the nuclei, infinite where there is none."""
        if self.margin is None or self.kind not in ("merged", "split"):
            return np.inf
        return self.margin


def doubtful_first(
    predicted_iou: np.ndarray, margin: np.ndarray, class_probability: np.ndarray | None = None
) -> np.ndarray:
    """Order nuclei for a review: those with the lowest predicted IoU, those with the smallest
    margin and those of the least probable class, by turns.

    Parameters
    ----------
    predicted_iou, margin : (n,) ndarray
        The margin is infinite where there is no second opinion.
    class_probability : (n,) ndarray, optional
        Of nuclei with a class; only those below `UNSURE` take a turn.

    Returns
    -------
    (n,) int64 ndarray
        Positions, the most doubtful first.

    Examples
    --------
    >>> doubtful_first(np.array([0.9, 0.8, 0.3, 0.7]), np.array([0.01, np.inf, 2.0, 1.0])).tolist()
    [2, 0, 3, 1]
    """
    reasons = [predicted_iou, margin]
    if class_probability is not None:
        reasons.append(np.where(class_probability < UNSURE, class_probability, np.inf))
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in reasons]
    for rank, values in zip(ranks[1:], reasons[1:], strict=True):
        rank[~np.isfinite(values)] = len(values)
    return np.lexsort((ranks[0], np.min(ranks, axis=0)))


def find_doubts(result: Segmentation, limit: int = LIMIT) -> list[Doubt]:
    """Choose the nuclei of an image that are worth a second look, the most doubtful first.

    Raises
    ------
    ConfigError
        The candidates of the segmentation were not kept.
    """
    closest = result.runner_up()
    iou, margin = closest["predicted_iou"].to_numpy(), closest["margin"].to_numpy()
    kinds = closest["kind"].tolist()
    doubts = []
    for row in doubtful_first(iou, margin)[:limit].tolist():
        kind = kinds[row]
        wanted = (kind,) if isinstance(kind, str) else ("tighter", "wider")
        others = result.alternatives(row + 1, wanted)
        doubts.append(_doubt(row + 1, float(iou[row]), next(iter(others), None)))
    return doubts


def _doubt(label: int, predicted_iou: float, other: Alternative | None) -> Doubt:
    if other is None:
        return Doubt(label, round(predicted_iou, 4))
    traced = trace_outlines(other.labels)
    rings = [ring for pieces in traced.pieces for piece in pieces for ring in piece]
    return Doubt(
        label,
        round(predicted_iou, 4),
        other.kind,
        round(other.predicted_iou, 4),
        round(other.margin, 4),
        other.partners,
        tuple(tuple((ring + other.corner[::-1]).ravel().tolist()) for ring in rings),
    )


def write_review(path: str | Path, doubts: list[Doubt], overwrite: bool = False) -> None:
    """Write the file that `read_review` reads: JSON, one line per nucleus.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    """
    lines = [json.dumps(asdict(doubt), separators=(",", ":")) for doubt in doubts]
    with replacing(path, overwrite) as part:
        part.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def read_review(path: str | Path) -> list[Doubt]:
    """Read what `write_review` wrote.

    Raises
    ------
    InputError
        The file cannot be read, or is none of ours.
    """
    try:
        return [_checked(entry) for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise InputError(f"{path}: is no review of nuclei", "run infer again") from error


def _checked(entry: dict) -> Doubt:
    kind = entry["kind"]
    if kind is None:
        return Doubt(int(entry["label"]), float(entry["predicted_iou"]))
    rings = tuple(tuple(int(value) for value in ring) for ring in entry["outlines"])
    if any(len(ring) < 6 or len(ring) % 2 for ring in rings):
        raise ValueError("a ring has too few numbers")
    return Doubt(
        int(entry["label"]),
        float(entry["predicted_iou"]),
        str(kind),
        float(entry["other_iou"]),
        float(entry["margin"]),
        tuple(int(label) for label in entry["partners"]),
        rings,
    )
