"""Trees that learn from a few corrected images: the maps are computed once, the networks stay."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from nucleisplit.datasets import Dataset, Record, load_dataset, make_folds
from nucleisplit.errors import DatasetError, OutputError
from nucleisplit.files import replacing
from nucleisplit.metric import reliability
from nucleisplit.model import Bundle, Ensemble, check_replaceable, save_adapted
from stage2_trees import AdaptConfig, CrossFit, ImageRows, adapt, training_rows

MAPS = ".nucleisplit-maps"
"""Folder beside the images of the corrections where their maps are kept."""

_FOLDS = 5


def add_corrections(
    corrected: Path,
    base: Bundle,
    out: Path,
    config: AdaptConfig | None = None,
    *,
    table: Path | None = None,
    group: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Bundle:
    """Let the trees of a model learn from corrected images, and write the model that results.

    Parameters
    ----------
    corrected : Path
        Folder of a dataset, see `load_dataset`, as are `table` and `group`. The maps of its images
        are kept in `MAPS` there, unless it cannot be written to.
    base : Bundle
        The model; it stays as it is.
    out : Path
        Folder of the new model.
    config : AdaptConfig, optional
    device : {"auto", "cpu", "cuda", "mps"}
    overwrite : bool
        Replace a model that is there.
    say : callable
        Takes each line of the report.

    Returns
    -------
    Bundle

    Raises
    ------
    DatasetError
        There are fewer than two images, or nothing in them to learn from.
    InputError
        An image or its labels cannot be read.
    BundleError
        `out` exists and may not be replaced.
    """
    began = time.monotonic()
    check_replaceable(out, overwrite)
    dataset = load_dataset(corrected, table, group, folds=2)
    folds = _folds(dataset)
    ensemble = Ensemble([base], device=device)
    rows, computed = [], 0
    for record in dataset.records:
        image, truth, _ = record.read()
        maps, new = _maps(record, image, ensemble, corrected / MAPS)
        rows.append(training_rows(maps, truth, base.config.forest))
        computed += new
    nuclei = sum(row.n_true for row in rows)
    say(
        f"{len(rows)} images with {nuclei} nuclei, {corrected}; maps of {computed} computed, "
        f"of {len(rows) - computed} kept from before"
    )
    try:
        result = adapt(base.regressor(), rows, folds, config, base.config.select)
    except ValueError as error:
        raise DatasetError(f"{corrected}: {error}", "add images that show nuclei") from error
    scores = {
        "images": len(rows),
        "nuclei": nuclei,
        "selects": result.selects,
        "tells": result.tells,
        "trees": {"hits": result.rounds[0], "iou": result.rounds[1]},
        "before": _score(rows, result.before),
        "after": _score(rows, result.after),
    }
    for line in _report(scores):
        say(line)
    bundle = save_adapted(out, base, result.after.regressor, scores, overwrite)
    say(f"{time.monotonic() - began:.1f} s")
    return bundle


def _report(scores: dict) -> list[str]:
    """Say what was learnt, and how much it helps on images that were left out."""
    lines = []
    for what, score, learnt, trees in (
        ("nuclei chosen: mAP", "map", "selects", "hits"),
        ("predicted IoU: mean error", "iou_error", "tells", "iou"),
    ):
        before, after = (scores[when][score] for when in ("before", "after"))
        how = f"learnt, with {scores['trees'][trees]} more trees in each booster"
        if not scores[learnt]:
            how = "as before: these images teach nothing that helps on images left out"
        lines.append(f"{what} {before:.3f} before, {after:.3f} after, cross-validated ({how})")
    return lines


def _folds(dataset: Dataset) -> list[int]:
    """The folds of a table, or up to `_FOLDS` of our own."""
    if dataset.folds_from == "table":
        return [record.fold for record in dataset.records]
    groups = [record.group for record in dataset.records]
    kinds = [record.kind for record in dataset.records]
    return make_folds(groups, kinds, min(_FOLDS, len(set(groups))))


def _maps(
    record: Record, image: np.ndarray, ensemble: Ensemble, folder: Path
) -> tuple[np.ndarray, bool]:
    """Return the maps of an image, in steps of 1 / 255, and whether they had to be computed."""
    digest = hashlib.sha256(record.image_path.read_bytes())
    digest.update(json.dumps([ensemble.fingerprint, ensemble.parameters], sort_keys=True).encode())
    path = folder / f"{digest.hexdigest()[:32]}.npy"
    with suppress(OSError, ValueError):
        kept = np.load(path, allow_pickle=False)
        if kept.dtype == np.uint8 and kept.shape == (3, *image.shape[:2]):
            return kept / np.float32(255), False
    maps = np.rint(ensemble.predict(image).maps * 255).astype(np.uint8)
    with suppress(OutputError), replacing(path, True) as part, part.open("wb") as file:
        np.save(file, maps, allow_pickle=False)
    return maps / np.float32(255), True


def _score(rows: Sequence[ImageRows], fitted: CrossFit) -> dict[str, float]:
    """Mean mAP of the images, and mean error of the predicted IoU of the nuclei kept."""
    truth = [row.iou[chosen] for row, chosen in zip(rows, fitted.chosen, strict=True)]
    error, _ = reliability(np.concatenate(fitted.predicted_iou), np.concatenate(truth))
    scores = [row.score(chosen) for row, chosen in zip(rows, fitted.chosen, strict=True)]
    return {"map": float(np.mean(scores)), "iou_error": float(error)}
