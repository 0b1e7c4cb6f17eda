"""Find out which --split-bias and --sensitivity suit your images, by a few whose truth you know.

    python examples/tune_selection.py images/ labels/

Both folders hold files of the same names. The network looks at every image once; all settings are
then tried on what it saw, which takes a moment. Take the best only where it is clearly better: a
few images are easily fitted by chance.
"""

import argparse
from pathlib import Path

import nucleisplit
from nucleisplit.endings import stem_of
from nucleisplit.images import find_images, read_image
from nucleisplit.labels import read_labels
from nucleisplit.metric import score_image, summarize

SPLIT_BIASES = (-0.5, -0.25, 0.0, 0.25, 0.5)
SENSITIVITIES = (-0.5, 0.0, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("images", type=Path, help="folder of images")
    parser.add_argument("labels", type=Path, help="folder of label images, same names")
    arguments = parser.parse_args()

    truths = {stem_of(path): read_labels(path) for path in find_images([arguments.labels])}
    segmenter = nucleisplit.Segmenter()
    pairs = []
    for path in find_images([arguments.images]):
        if stem_of(path) in truths:
            pairs.append((segmenter(read_image(path)), truths[stem_of(path)]))
    if not pairs:
        raise SystemExit(f"no image of {arguments.images} has a label image in {arguments.labels}")

    scores = {}
    print("split-bias  sensitivity     mAP  nuclei found / true")
    for bias in SPLIT_BIASES:
        for sensitivity in SENSITIVITIES:
            cut = {"split_bias": bias, "sensitivity": sensitivity}
            again = [result.reselect(**cut) for result, _ in pairs]
            summary = summarize(
                score_image(new.labels, truth) for new, (_, truth) in zip(again, pairs, strict=True)
            )
            scores[bias, sensitivity] = summary.map
            counts = f"{summary.predicted_count} / {summary.true_count}"
            print(f"{bias:10.2f} {sensitivity:12.2f} {summary.map:7.3f}  {counts}")
    bias, sensitivity = max(scores, key=scores.get)
    print(f"best of {len(pairs)} images: --split-bias {bias} --sensitivity {sensitivity}")


if __name__ == "__main__":
    main()
