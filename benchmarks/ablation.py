"""Which choice of stage 1 gives how much on kinds of image that no training has seen.

    python benchmarks/ablation.py DATA... --unseen KIND... --out OUT
        [--table benchmarks/ablation.toml] [--only NAME ...] [--device auto]
        [--write docs/experiments.md]

Each experiment of the table trains one network on all images of the datasets DATA, unless it takes
that of a `model`, and scores it on the middle of each image of the datasets KIND: the
single-threshold watershed, tuned on all of them together, each kind with the same weight, and the
best set of candidates of the second stage (oracle). A group with `hold_out` leaves kinds of DATA
out of the training and scores on those instead. What is finished is not repeated, so a killed run
goes on with the same command. The intervals are 95 % bootstrap intervals over the images (or groups
of images) of each kind.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from nucleisplit.config import RunConfig, tomllib, validated
from nucleisplit.datasets import Record, load_dataset
from nucleisplit.files import write_json
from nucleisplit.model.bundle import load_bundle
from nucleisplit.training.baseline import score_thresholds, tune_thresholds
from nucleisplit.training.pool import ImagePool
from nucleisplit.training.unet import read_pairs
from stage1_unet import Predictor, load_network, preprocess, train_network
from stage2_trees import ForestConfig, build_forest, metric_score, select, true_iou

SECTIONS = ("preprocess", "network", "train", "predict")
DRAWS = 2000
SIDE = 640
"""Side of the middle of an image that is scored, pixels."""


def merged(*layers: dict) -> RunConfig:
    """One configuration out of several dicts of sections, the last one winning."""
    sections = {
        name: {key: value for layer in layers for key, value in layer.get(name, {}).items()}
        for name in SECTIONS
    }
    return validated({name: values for name, values in sections.items() if values}, "ablation.toml")


def run_experiment(experiment: dict, group: dict, args: argparse.Namespace) -> dict:
    """Train (unless it uses a network that is there), predict and score one experiment."""
    folder = args.out / experiment["name"]
    config = merged(group.get("common", {}), experiment)
    away = set(group.get("hold_out", ()))
    minutes, crops = folder / "minutes.txt", config.train.steps * config.train.batch
    if "model" in experiment:
        networks, crops = load_bundle(experiment["model"]).networks(), None
    else:
        dataset = load_dataset(args.data)
        pairs = read_pairs(dataset, config, print)
        begin = time.perf_counter()
        weights = train_network(
            [p for p, r in zip(pairs, dataset.records, strict=True) if kind_of(r) not in away],
            [],
            folder,
            config.network,
            config.train,
            device=args.device,
        )
        if not minutes.exists():
            minutes.write_text(f"{(time.perf_counter() - begin) / 60:.1f}")
        networks = load_network(weights)
    begin = time.perf_counter()
    predictor = Predictor(networks, config.predict, args.device)
    records = scored_records(args, away)
    maps, truths = [], []
    for _, record in records:
        image, truth, _ = record.read()
        middle = tuple(slice((n - min(n, SIDE)) // 2, (n + min(n, SIDE)) // 2) for n in truth.shape)
        image = preprocess(image[middle], config.preprocess)
        maps.append(np.rint(predictor.predict(image).maps * 255).astype(np.uint8))
        truths.append(truth[middle])
    predicted = time.perf_counter() - begin
    kinds = [kind for kind, _ in records]
    with ImagePool(maps, truths) as pool:
        thresholds = tune_thresholds(pool, lambda line: None, [1 / kinds.count(k) for k in kinds])
        scores = pool.map(score_thresholds, [""] * len(maps), config=thresholds)
        oracles = pool.map(oracle)
    return {
        "crops": crops,
        "training_minutes": float(minutes.read_text()) if minutes.exists() else None,
        "prediction_seconds": predicted,
        "thresholds": thresholds.model_dump(),
        "images": [
            {
                "kind": kind,
                "group": record.group,
                "image": record.image_id,
                "map": score.map,
                "oracle": best,
            }
            for (kind, record), score, best in zip(records, scores, oracles, strict=True)
        ],
    }


def scored_records(args: argparse.Namespace, away: set[str]) -> list[tuple[str, Record]]:
    """The images that are scored, each with its kind."""
    if away:
        records = load_dataset(args.data).records
        return [(kind_of(record), record) for record in records if kind_of(record) in away]
    return [(p.name, record) for p in args.unseen for record in load_dataset(p, folds=2).records]


def kind_of(record: Record) -> str:
    """The kind of an image; of several datasets without the name of its dataset before it."""
    return record.kind.rpartition("/")[2]


def oracle(maps: np.ndarray, truth: np.ndarray) -> float:
    """mAP of the best set of the candidates of the second stage."""
    forest = build_forest(maps, ForestConfig())
    iou = true_iou(forest, truth)
    return metric_score(iou[select(forest, iou)], np.unique(truth[truth > 0]).size)


def interval(values: pd.Series, images: pd.DataFrame) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over kinds; in each, whole groups are drawn."""
    rng = np.random.default_rng(0)
    means = []
    for _, own in images.groupby("kind"):
        parts = values[own.index].groupby(own["group"])
        sums, counts = parts.sum().to_numpy(), parts.count().to_numpy()
        draws = rng.integers(len(sums), size=(DRAWS, len(sums)))
        means.append(sums[draws].sum(1) / counts[draws].sum(1))
    low, high = np.percentile(np.mean(means, axis=0), (2.5, 97.5))
    return float(low), float(high)


def mean_over_kinds(values: pd.Series, images: pd.DataFrame) -> float:
    """Mean over the images of each kind, then over the kinds."""
    return float(values.groupby(images["kind"]).mean().mean())


def page(table: dict, results: dict[str, dict]) -> str:
    """Lay the results out as the page docs/experiments.md."""
    lines = [
        "# Experiments of stage 1",
        "",
        "Generated by `benchmarks/ablation.py` from `benchmarks/ablation.toml`. Every network is "
        "scored on kinds of image that it was not trained on: mAP of the single-threshold "
        "watershed, tuned on all these images together (no trees, no test-time augmentation), mean "
        "over the kinds; the oracle is the mAP of the best set of candidates that the second stage "
        f"could choose. Of large images the middle {SIDE} pixels are scored. In brackets: 95 % "
        "bootstrap intervals over images; of the difference, paired. Machine: "
        f"{table['machine']}. What was tried before: "
        "[earlier experiments](experiments_earlier.md).",
    ]
    for group in table["group"]:
        done = [one for one in group["experiment"] if one["name"] in results]
        if done:
            lines += ["", f"## {group['title']}", "", group["text"].strip(), ""]
            lines += rows(done, results)
    return "\n".join(lines) + "\n"


def rows(experiments: Sequence[dict], results: dict[str, dict]) -> list[str]:
    """The table of one group."""
    tables = [pd.DataFrame(results[one["name"]]["images"]) for one in experiments]
    first = tables[0]
    sizes = first.groupby("kind").size()
    lines = [
        "| experiment | crops | minutes | mAP | against the first | oracle | "
        + " | ".join(f"{name} ({count})" for name, count in sizes.items())
        + " |",
        "|---|--:|--:|---|---|--:|" + "--:|" * len(sizes),
    ]
    for experiment, images in zip(experiments, tables, strict=True):
        if list(images["image"]) != list(first["image"]):
            raise SystemExit(f"{experiment['name']}: was scored on other images than the first")
        result, change = results[experiment["name"]], ""
        low, high = interval(images["map"], images)
        if images is not first:
            difference = images["map"] - first["map"]
            below, above = interval(difference, images)
            change = f"{mean_over_kinds(difference, images):+.3f} [{below:+.3f}, {above:+.3f}]"
        minutes = result["training_minutes"]
        cells = [
            experiment["title"],
            f"{result['crops']:,}" if result["crops"] else "-",
            "-" if minutes is None else f"{minutes:.0f}",
            f"{mean_over_kinds(images['map'], images):.3f} [{low:.3f}, {high:.3f}]",
            change,
            f"{mean_over_kinds(images['oracle'], images):.3f}",
            *(f"{value:.3f}" for value in images.groupby("kind")["map"].mean()),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def machine() -> str:
    """Processor and number of cores that this process may use."""
    cpuinfo = Path("/proc/cpuinfo")
    model = platform.processor() or platform.machine()
    if cpuinfo.exists():
        found = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = found[0].split(":")[1].strip() if found else model
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--unseen", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--table", type=Path, default=Path(__file__).with_name("ablation.toml"))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    table = tomllib.loads(args.table.read_text(encoding="utf-8"))
    table["machine"] = machine()
    results = {}
    for group in table["group"]:
        for experiment in group["experiment"]:
            kept = args.out / experiment["name"] / "result.json"
            if not kept.exists():
                if args.only is not None and experiment["name"] not in args.only:
                    continue
                print(f"{experiment['name']}", flush=True)
                write_json(kept, run_experiment(experiment, group, args), overwrite=True)
            results[experiment["name"]] = json.loads(kept.read_text())
    text = page(table, results)
    if args.write:
        args.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
