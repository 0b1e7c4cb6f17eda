"""How a model does on kinds of image that it was not trained on.

    python benchmarks/kinds.py DATA... [--model NAME|PATH] [--tta none|flips|d4] [--thresholds]

Each DATA is a dataset (images/ and labels/), and a kind. Every image goes the way of `infer`. Per
kind, and as the mean over the kinds: mAP, AP at 0.5, precision and recall at 0.5 (pooled), what the
best set of the same candidates would score (oracle), the mean absolute error and the bias of the
predicted IoU of the nuclei found, and at which outline levels they were cut. With --thresholds also
the mAP of a watershed at one set of thresholds, tuned on all these images together, each kind with
the same weight: what the trees have to beat.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from nucleisplit import Segmenter
from nucleisplit.io import load_dataset
from nucleisplit.metric import score_image, summarize
from nucleisplit.training.baseline import score_thresholds, tune_thresholds
from nucleisplit.training.pool import ImagePool
from stage2_trees import best_iou, overlap_table, select, true_iou

COLUMNS = ("mAP", "AP50", "precision", "recall", "oracle", "IoU error", "IoU bias")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--model", default="default")
    parser.add_argument("--tta", choices=["none", "flips", "d4"])
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--sensitivity", type=float, default=None)
    parser.add_argument("--thresholds", action="store_true", help="tune one watershed, too")
    parser.add_argument("--json", type=Path, help="write the numbers here, image by image")
    options = parser.parse_args()

    more = {} if options.sensitivity is None else {"sensitivity": options.sensitivity}
    segmenter = Segmenter(options.model, tta=options.tta, backend=options.backend, **more)
    kinds = {folder.name: load_dataset(folder, folds=2).records for folder in options.data}
    results, maps, truths, shares = {}, [], [], []
    for kind, records in kinds.items():
        results[kind] = []
        for record in records:
            image, truth, _ = record.read()
            found = segmenter.segment(image, name=record.image_id, keep_maps=True)
            results[kind].append(measure(found, truth, record.image_id))
            if options.thresholds:
                maps.append(np.rint(found.maps * 255).astype(np.uint8))
                truths.append(truth)
                shares.append(1 / len(records))
    fixed = fixed_scores(maps, truths, shares, results) if options.thresholds else {}
    print(
        f"model {segmenter.bundle.fingerprint[:12]}, {segmenter.mapper.backend}, {more or 'as set'}"
    )
    for line in table(results, fixed):
        print(line)
    print("outline levels, share of the nuclei found:")
    for kind, images in results.items():
        levels = sum((Counter(one["levels"]) for one in images), Counter())
        total = max(1, sum(levels.values()))
        print(f"  {kind}: " + ", ".join(f"{k} {levels[k] / total:.0%}" for k in sorted(levels)))
    if options.json:
        plain = {k: [{**one, "score": one["score"].map} for one in v] for k, v in results.items()}
        options.json.write_text(json.dumps({"kinds": plain, "fixed": fixed}, indent=1))


def measure(found, truth: np.ndarray, name: str) -> dict:
    """What one image contributes."""
    split = found.source.split
    forest = split.forest
    perfect = forest.paint(select(forest, true_iou(forest, truth)))
    iou, _ = best_iou(overlap_table(found.labels, truth))
    true = iou[1:][: len(split.predicted_iou)]
    levels = Counter(f"{level:g}" for level in forest.candidates.threshold[split.chosen])
    return {
        "image": name,
        "score": score_image(found.labels, truth, name),
        "oracle": score_image(perfect, truth, name).map,
        "errors": (split.predicted_iou - true).tolist(),
        "levels": dict(levels),
    }


def fixed_scores(maps, truths, shares, results) -> dict[str, float]:
    """Score of the one watershed that is best in the mean over all kinds, by kind."""
    with ImagePool(maps, truths) as pool:
        best = tune_thresholds(pool, lambda _: None, shares)
        scores = iter(pool.map(score_thresholds, [""] * len(maps), config=best))
    print(f"best thresholds: {best}")
    return {kind: float(np.mean([next(scores).map for _ in v])) for kind, v in results.items()}


def table(results: dict, fixed: dict[str, float]) -> list[str]:
    """The numbers as Markdown."""
    columns = [*COLUMNS, *(["one threshold"] if fixed else [])]
    rows = {}
    for kind, images in results.items():
        summary = summarize([one["score"] for one in images])
        errors = np.concatenate([one["errors"] for one in images])
        rows[kind] = [
            summary.map,
            summary.ap[0],
            summary.precision,
            summary.recall,
            float(np.mean([one["oracle"] for one in images])),
            float(np.abs(errors).mean()) if errors.size else np.nan,
            float(errors.mean()) if errors.size else np.nan,
            *([fixed[kind]] if fixed else []),
        ]
    rows["mean over kinds"] = np.mean(list(rows.values()), axis=0)
    lines = [f"| kind | images | {' | '.join(columns)} |", "|---|" + "--:|" * (len(columns) + 1)]
    for kind, values in rows.items():
        count = len(results[kind]) if kind in results else sum(map(len, results.values()))
        lines.append(f"| {kind} | {count} | " + " | ".join(f"{v:.3f}" for v in values) + " |")
    return lines


if __name__ == "__main__":
    main()
