"""How much corrected images of a new kind bring, when the trees learn from them.

    python benchmarks/corrections.py DATA RUN [--unseen CLUSTER=NETWORK ...] [--clusters a c]
        [--counts 5 10 20] [--repeat 5]

RUN is a finished run of `train-unet` on DATA. For each cluster, trees are fitted to the
out-of-fold maps of all other clusters. Then 5, 10 and 20 images of the cluster, drawn by mosaics,
are taken for corrected, the trees learn from them, and images of other mosaics of the cluster are
scored; all of it several times with other draws. The maps of the cluster are those of NETWORK (a
network.safetensors that was trained without the cluster, such as `benchmarks/ablation.py` makes),
or else the out-of-fold maps of RUN, whose networks know the cluster.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nucleisplit.datasets import Dataset, Record, load_dataset, make_folds
from nucleisplit.training import TrainingRun
from nucleisplit.training.pool import ImagePool
from stage1_unet import Predictor, load_network, preprocess
from stage2_trees import ImageRows, IoURegressor, adapt, cross_fit, select, training_rows


def rows_of(run: TrainingRun, dataset: Dataset, unseen: dict[str, Path]) -> list[ImageRows]:
    """Candidates of every image, on the maps of a network that has not seen it."""
    predictors = {
        cluster: Predictor(load_network(path), run.config.predict, "cpu")
        for cluster, path in unseen.items()
    }
    maps, truths = [], []
    for record in dataset.records:
        image, truth, _ = record.read()
        if record.kind in predictors:
            shown = preprocess(image, run.config.preprocess)
            found = predictors[record.kind].predict(shown).maps
            maps.append(np.rint(found * 255).astype(np.uint8))
        else:
            maps.append(run.read_maps(record))
        truths.append(truth)
    with ImagePool(maps, truths) as pool:
        return pool.map(training_rows, config=run.config.forest)


def score(
    regressor: IoURegressor, rows: Sequence[ImageRows], run: TrainingRun
) -> tuple[float, float]:
    """Mean mAP, and mean error of the predicted IoU of the nuclei kept."""
    maps, errors = [], []
    for row in rows:
        raw = regressor.predict_raw(row.features)
        chosen = select(row.candidates, regressor.to_hits(raw), run.config.select)
        maps.append(row.score(chosen))
        errors.append(np.abs(regressor.to_iou(raw[chosen]) - row.iou[chosen]))
    return float(np.mean(maps)), float(np.concatenate(errors).mean())


def draw(records: Sequence[Record], count: int, seed: int) -> tuple[list[int], list[int]]:
    """So many images to correct, by whole mosaics as far as possible, and those to score."""
    rng = np.random.default_rng(seed)
    mosaics = rng.permutation(np.unique([record.group for record in records]))
    corrected: list[int] = []
    away: set[str] = set()
    for number, mosaic in enumerate(mosaics):
        if len(corrected) >= count:
            away = set(mosaics[number:])
            break
        members = [i for i, record in enumerate(records) if record.group == mosaic]
        corrected += rng.permutation(members).tolist()
    return corrected[:count], [i for i, record in enumerate(records) if record.group in away]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--unseen", nargs="*", default=[], metavar="CLUSTER=NETWORK")
    parser.add_argument("--clusters", nargs="+", default=["a", "c"])
    parser.add_argument("--counts", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    dataset, run = load_dataset(args.data), TrainingRun.open(args.run)
    unseen = dict(word.split("=", 1) for word in args.unseen)
    rows = rows_of(run, dataset, {name: Path(path) for name, path in unseen.items()})
    print("| cluster | corrected | scored | mAP | gain | error of the predicted IoU | seconds |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for cluster in args.clusters:
        others = [i for i, r in enumerate(dataset.records) if r.kind != cluster]
        own = [i for i, r in enumerate(dataset.records) if r.kind == cluster]
        folds = [dataset.records[i].fold for i in others]
        base = cross_fit([rows[i] for i in others], folds, run.config.trees).regressor
        records = [dataset.records[i] for i in own]
        found: dict[int, list] = {count: [] for count in (0, *args.counts)}
        for seed in range(args.repeat):
            pool, away = draw(records, max(args.counts), seed)
            test = [rows[own[i]] for i in away]
            found[0].append((*score(base, test, run), 0.0, len(test)))
            for count in args.counts:
                picked = pool[:count]
                groups = [records[i].group for i in picked]
                parts = make_folds(groups, folds=min(5, len(set(groups))))
                begin = time.perf_counter()
                learnt = adapt(
                    base, [rows[own[i]] for i in picked], parts, selection=run.config.select
                )
                seconds = time.perf_counter() - begin
                found[count].append((*score(learnt.after.regressor, test, run), seconds, len(test)))
        for count, values in found.items():
            score_map, error, seconds, tested = np.mean(values, axis=0)
            gains = np.array(values)[:, 0] - np.array(found[0])[:, 0]
            print(
                f"| {cluster} | {count} | {tested:.0f} | {score_map:.3f} | {gains.mean():+.3f} "
                f"± {gains.std() / np.sqrt(args.repeat):.3f} | {error:.3f} | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
