"""How well classes of nuclei are told, out of fold, and what telling them costs.

    python benchmarks/classes.py LABELLED [--model NAME|PATH]

LABELLED is a dataset with classes (docs/classes.md). Prints the report of ``train-trees
--classes``; beside it, by the same folds and true outlines, the nearest neighbour by mean colour;
then the time of the fit, and of an image with a model that tells classes beside the same without.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from nucleisplit import Segmenter, load_bundle
from nucleisplit.datasets import load_dataset, read_classes
from nucleisplit.images import read_image
from nucleisplit.measure import Regions
from nucleisplit.metric import score_classes
from nucleisplit.training import add_classes
from stage1_unet import measure_levels
from stage2_trees import NucleusClassifier

RUNS = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--drop-unlabelled", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        base, drop = load_bundle(options.model), options.drop_unlabelled
        out = Path(folder) / "model"
        model = add_classes(options.labelled, base, out, drop_unlabelled=drop)
        classifier = model.classifier()
        segmenter = Segmenter(model)
        scores = nearest_colour(options.labelled, classifier.classes)
        print(
            f"nearest neighbour by mean colour: accuracy {scores.accuracy:.3f}, "
            f"macro F1 {scores.macro_f1:.3f}"
        )
        record = load_dataset(options.labelled, folds=2).records[0]
        small = read_image(record.image_path)
        image = np.tile(small, (-(-512 // len(small)), -(-640 // small.shape[1]), 1)[: small.ndim])
        labels, plain = segmenter(image).labels, Segmenter(options.model)
        classes = segmenter.classes_at(measure_levels(image, model.config.preprocess))
        fit = median_times(lambda: fit_many(classifier, 1000))[0]
        print(f"fitting 1,000 nuclei: {fit:.2f} s")
        without, with_classes = median_times(lambda: plain(image), lambda: segmenter(image))
        (alone,) = median_times(lambda: classes.tell(Regions.of(labels), image))
        print(
            f"image of {image.shape[1]} x {image.shape[0]}, {labels.max()} nuclei: segmented and "
            f"measured in {1e3 * without:.0f} ms, with classes in {1e3 * with_classes:.0f} ms; "
            f"telling the classes takes {1e3 * alone:.1f} ms, {alone / without:.1%} of the former"
        )


def nearest_colour(folder: Path, classes: tuple[str, ...]):
    """Score the class of the nucleus with the nearest mean colour in other folds."""
    dataset = load_dataset(folder, folds=5)
    known = read_classes(dataset)
    colours, names, folds = [], [], []
    for record in dataset.records:
        if record.image_id not in known:
            continue
        image = read_image(record.image_path).astype(float)
        labels, _ = record.read_labels(image.shape[:2])
        for label, name in known[record.image_id].of(labels).items():
            if name in classes:
                colours.append(image[labels == label].mean(axis=0))
                names.append(classes.index(name))
                folds.append(record.fold)
    X, y, fold = np.array(colours), np.array(names), np.array(folds)
    told = np.zeros_like(y)
    for i in range(len(y)):
        others = np.flatnonzero(fold != fold[i])
        told[i] = y[others[((X[others] - X[i]) ** 2).sum(axis=-1).argmin()]]
    return score_classes(y, told, classes)


def fit_many(classifier: NucleusClassifier, count: int) -> None:
    """Fit as many nuclei of random features."""
    random = np.random.default_rng(0)
    fresh = NucleusClassifier(classifier.features, classifier.classes, classifier.radius)
    y = random.integers(0, len(classifier.classes), count)
    fresh.fit(random.normal(size=(count, len(classifier.features))) + y[:, None], y)


def median_times(*runs) -> list[float]:
    """Medians of the seconds that each takes, all in turns."""
    times = []
    for _ in range(RUNS + 1):  # the first is not counted
        times.append([])
        for run in runs:
            began = time.perf_counter()
            run()
            times[-1].append(time.perf_counter() - began)
    return np.median(times[1:], axis=0).tolist()


if __name__ == "__main__":
    main()
