"""How a model does on kinds of image that it was not trained on.

    python benchmarks/kinds.py DATA... [--model NAME|PATH] [--tta none|flips|d4]
        [--sensitivity X] [--outline-bias X] [--json FILE]

Each DATA is a dataset (images/ and labels/), and a kind. Every image goes the way of `infer`. Per
kind, and as the mean over the kinds: mAP, AP at 0.5, precision and recall at 0.5 (pooled), what the
best set of the same candidates would score (oracle), the mean absolute error and the bias of the
predicted IoU of the nuclei found, and the mAP of a watershed at one set of thresholds, tuned on all
these images together, each kind with the same weight: what the trees have to beat. Below, at which
level of the body map the outlines were drawn.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from nucleisplit import Segmenter
from nucleisplit.datasets import load_dataset
from nucleisplit.metric import score_image, summarize
from nucleisplit.training.baseline import score_thresholds, tune_thresholds
from nucleisplit.training.pool import ImagePool
from stage2_trees import best_iou, overlap_table, select, true_iou


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--model", default="default")
    parser.add_argument("--tta", choices=["none", "flips", "d4"])
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--sensitivity", type=float)
    parser.add_argument("--outline-bias", type=float)
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    options = parser.parse_args()

    segmenter = Segmenter(
        options.model,
        tta=options.tta,
        backend=options.backend,
        sensitivity=options.sensitivity,
        outline_bias=options.outline_bias,
    )
    kinds = {folder.name: load_dataset(folder, folds=2).records for folder in options.data}
    results, maps, truths, shares = {}, [], [], []
    for kind, records in kinds.items():
        results[kind] = []
        for record in records:
            image, truth, _ = record.read()
            found = segmenter.segment(image, name=record.image_id, keep_maps=True)
            results[kind].append(measure(found, truth, record.image_id))
            maps.append(np.rint(found.maps * 255).astype(np.uint8))
            truths.append(truth)
            shares.append(1 / len(records))
    with ImagePool(maps, truths) as pool:
        best = tune_thresholds(pool, lambda _: None, shares)
        fixed = iter(pool.map(score_thresholds, [""] * len(maps), config=best))
    rows = {
        kind: summary(images, [next(fixed).map for _ in images]) for kind, images in results.items()
    }
    names = list(next(iter(rows.values())))
    mean = {name: float(np.mean([row[name] for row in rows.values()])) for name in names}
    rows["mean over kinds"] = mean | {"images": sum(map(len, results.values()))}
    print(f"model {segmenter.bundle.fingerprint[:12]}, {segmenter.ensemble.backend}")
    print(table(rows))
    print(f"the one watershed: {best}")
    for kind, images in results.items():
        levels = sum((Counter(one["levels"]) for one in images), Counter())
        total = max(1, sum(levels.values()))
        print(
            f"{kind}, drawn at: "
            + ", ".join(f"{k:g} {levels[k] / total:.0%}" for k in sorted(levels))
        )
    if options.json:
        content = {"model": segmenter.bundle.fingerprint, "kinds": rows}
        options.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def measure(found, truth: np.ndarray, name: str) -> dict:
    """What one image contributes."""
    split = found.scored.split
    forest = split.forest
    perfect = forest.paint(select(forest, true_iou(forest, truth)))
    true, _ = best_iou(overlap_table(found.labels, truth))
    return {
        "score": score_image(found.labels, truth, name),
        "oracle": score_image(perfect, truth, name).map,
        "errors": split.predicted_iou - true[1:],
        "levels": Counter(np.round(split.threshold.astype(float), 3).tolist()),
    }


def summary(images: list[dict], fixed: list[float]) -> dict[str, float]:
    """The numbers of one kind, by the name of their column."""
    scores = summarize([one["score"] for one in images])
    errors = np.concatenate([one["errors"] for one in images])
    return {
        "images": len(images),
        "mAP": scores.map,
        "AP50": scores.ap[0],
        "precision": scores.precision,
        "recall": scores.recall,
        "one threshold": float(np.mean(fixed)),
        "oracle": float(np.mean([one["oracle"] for one in images])),
        "IoU error": float(np.abs(errors).mean()) if errors.size else 0.0,
        "IoU bias": float(errors.mean()) if errors.size else 0.0,
    }


def table(rows: dict[str, dict[str, float]]) -> str:
    """The numbers as Markdown."""
    names = list(next(iter(rows.values())))
    lines = [f"| kind | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    for kind, row in rows.items():
        cells = [f"{v:d}" if name == "images" else f"{v:.3f}" for name, v in row.items()]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
