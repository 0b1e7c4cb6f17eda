"""What an image loses when it is shrunk or enlarged, with and without rescaling.

    python benchmarks/sizes.py RUN [--images 40] [--side 256] [--factors 0.5 1 2 4]

Takes images of a training run (`nucleisplit train-unet`), from all kinds in turn, and the
networks that have not seen them. Each image is resized by each factor and its maps are computed;
they are brought to the size of the labels, cut at fixed thresholds, and scored there.
"""

import argparse
import random
from collections import defaultdict
from itertools import chain, zip_longest
from pathlib import Path

import cv2
import numpy as np

from nucleisplit.datasets import Record
from nucleisplit.metric import score_image
from nucleisplit.training import TrainingRun
from stage1_unet import WEIGHTS, Predictor, load_network, preprocess
from stage2_trees import ThresholdConfig, threshold_labels

CUT = ThresholdConfig(body=0.7, seed=0.4, border_weight=0.5, min_area=30, min_seed_area=20)


def resized(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image at another size: means of areas when shrinking, else bilinear."""
    method = cv2.INTER_AREA if shape[0] < array.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(array, shape[::-1], interpolation=method)


def in_turn(records: list[Record], folds: list[int], count: int) -> list[Record]:
    """Draw images of some folds, one of each kind after the other."""
    records = [record for record in records if record.fold in folds]
    random.Random(0).shuffle(records)
    kinds = defaultdict(list)
    for record in records:
        kinds[record.kind].append(record)
    drawn = chain.from_iterable(zip_longest(*(kinds[name] for name in sorted(kinds))))
    return [record for record in drawn if record is not None][:count]


def score(predictor: Predictor, run: TrainingRun, record: Record, side: int, factor: float):
    """mAP of one image at one size, and the scale that the predictor chose; None when empty."""
    image, labels, _ = record.read()
    image, labels = image[:side, :side], labels[:side, :side]
    if not labels.any():
        return None
    size = tuple(max(1, round(length * factor)) for length in labels.shape)
    found = predictor.predict(preprocess(resized(image, size), run.config.preprocess))
    maps = np.stack([resized(one, labels.shape) for one in found.maps])
    return score_image(threshold_labels(maps, CUT), labels).map, found.scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--side", type=int, default=256, help="crop images to this, pixels")
    parser.add_argument("--factors", type=float, nargs="+", default=[0.5, 1, 2, 4])
    parser.add_argument("--folds", type=int, nargs="+", help="default: all")
    parser.add_argument("--radius-range", type=float, nargs=2, help="default: that of the run")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()

    run = TrainingRun.open(options.run)
    dataset = run.load_dataset()
    chosen = options.folds or dataset.folds
    records = in_turn(dataset.records, chosen, options.images)
    radius_range = tuple(options.radius_range or run.config.predict.radius_range)
    ways = {"as it is": False, "rescaled": True}
    table = {way: defaultdict(list) for way in ways}
    changed = defaultdict(int)
    for fold in sorted({record.fold for record in records}):
        network = load_network(run.fold_folder(fold) / WEIGHTS)
        for way, rescale in ways.items():
            update = {"rescale": rescale, "radius_range": radius_range}
            config = run.config.predict.model_copy(update=update)
            predictor = Predictor(network, config, options.device)
            for record in (record for record in records if record.fold == fold):
                for factor in options.factors:
                    if result := score(predictor, run, record, options.side, factor):
                        table[way][factor, record.kind].append(result[0])
                        table[way][factor, "all"].append(result[0])
                        changed[factor] += result[1] != 1

    names = ["all", *sorted({record.kind for record in records})]
    print(f"{len(records)} images, radius range {radius_range[0]:g} to {radius_range[1]:g} px")
    print(f"{'':10}{'factor':>7}" + "".join(f"{name or '-':>8}" for name in names) + "  rescaled")
    for way, scores in table.items():
        for factor in options.factors:
            means = [np.mean(scores[factor, name]) for name in names]
            last = f"{changed[factor]:10}" if ways[way] else ""
            print(f"{way:10}{factor:7g}" + "".join(f"{mean:8.3f}" for mean in means) + last)


if __name__ == "__main__":
    main()
