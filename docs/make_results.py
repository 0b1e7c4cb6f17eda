"""Write docs/results.md with its figure, and the scores in README.md and MODEL_CARD.md.

All comes from the manifest of the bundled model.

    python docs/make_results.py [--model NAME|PATH] [--check]

With --check nothing is written; the exit code says whether all are up to date.
"""

import argparse
import sys
from pathlib import Path

from draw_reliability import reliability_svg

from nucleisplit.bundle import Bundle, load_bundle

HERE = Path(__file__).parent
RESULTS, FIGURE = HERE / "results.md", HERE / "reliability.svg"
README, CARD = HERE.parent / "README.md", HERE.parent / "MODEL_CARD.md"
BEGIN = "<!-- scores: written by docs/make_results.py -->\n"
END = "<!-- end of scores -->\n"

METHODS = {
    "threshold": "watershed, tuned thresholds",
    "recut": "plain re-cut",
    "trees": "**nucleisplit**",
    "oracle": "oracle",
}
KINDS = {
    **dict.fromkeys("af", "fluorescence"),
    **dict.fromkeys("bce", "stained tissue"),
    "d": "brightfield",
}
"""What the clusters of the Data Science Bowl's images show."""
COLUMNS = {
    "images": ("images", "d"),
    "true_count": ("nuclei", "d"),
    "predicted_count": ("found", "d"),
    "map": ("mAP", ".3f"),
    "map_pooled": ("mAP pooled", ".3f"),
    "precision": ("precision", ".3f"),
    "recall": ("recall", ".3f"),
    "f1": ("F1", ".3f"),
    "panoptic_quality": ("PQ", ".3f"),
    "dice": ("Dice", ".3f"),
}


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose first column is text."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def kind(cluster: str) -> str:
    return f"cluster {cluster or '-'}" + (f", {KINDS[cluster]}" if cluster in KINDS else "")


def by_cluster(methods: dict) -> str:
    first = next(iter(methods.values()))
    head = ["mAP, out of fold", "images", *(METHODS[name] for name in methods)]
    rows = [["all", "overall"], *([kind(name), name] for name in first["kinds"])]

    def cells(key: str) -> list[dict]:
        every = methods.values()
        return [m["overall"] if key == "overall" else m["kinds"][key] for m in every]

    return table(
        head,
        [
            [title, str(cells(key)[0]["images"]), *(f"{cell['map']:.3f}" for cell in cells(key))]
            for title, key in rows
        ],
    )


def all_scores(methods: dict) -> str:
    head = ["out of fold, all images", *(title for title, _ in COLUMNS.values())]
    rows = [
        [METHODS[name], *(f"{m['overall'][key]:{form}}" for key, (_, form) in COLUMNS.items())]
        for name, m in methods.items()
    ]
    return table(head, rows)


def by_threshold(methods: dict) -> str:
    levels = next(iter(methods.values()))["overall"]["ap"]
    rows = [
        [METHODS[name], *(f"{value:.3f}" for value in m["overall"]["ap"].values())]
        for name, m in methods.items()
    ]
    return table(["AP at IoU above", *levels], rows)


def reliability(bins: list[dict]) -> str:
    rows = [
        ["mean predicted IoU", *(f"{b['predicted']:.2f}" for b in bins)],
        ["mean true IoU", *(f"{b['true']:.2f}" for b in bins)],
    ]
    return table(["tenth of the nuclei", *(str(i + 1) for i in range(len(bins)))], rows)


WHAT_IF = {
    "selected": "as selected",
    "best_extent": "each nucleus kept with the best of its outlines",
    "and_no_wrong": "and without those that still hit nothing",
    "oracle": "the best set of candidates (oracle)",
}


def what_if(headroom: dict) -> str:
    rows = [[title, f"{headroom['what_if'][name]:.3f}"] for name, title in WHAT_IF.items()]
    return table(["candidates", "mAP"], rows)


def by_area(headroom: dict) -> str:
    classes = headroom["by_area"]
    ends = [f"to {later['from']}" for later in classes[1:]] + ["and more"]
    rows = [
        [f"{c['from']} {end}", str(c["nuclei"]), f"{c['selected']:.3f}", f"{c['oracle']:.3f}"]
        for c, end in zip(classes, ends, strict=True)
    ]
    return table(["area of the true nucleus, px", "nuclei", "hits", "hits of the oracle"], rows)


def score_section(scores: dict) -> str:
    """The tables, each with its definitions."""
    image = scores["image_quality"]
    methods = {name: scores["methods"][name] for name in METHODS if name in scores["methods"]}
    trust = scores["reliability"]
    return f"""## By image type

{by_cluster(methods)}
*mAP* is the score of the Data Science Bowl 2018: per image the mean over the IoU thresholds 0.50,
0.55, ..., 0.95 of TP / (TP + FP + FN), then the mean over images. The *watershed* cuts the same
maps at one set of thresholds, tuned on these very images. The *plain re-cut* has the candidates of
the competition's winners only: regions of these thresholds, cut again at three higher ones,
described and chosen as ours are. The *oracle* selects by the true IoU, and so shows the best that
any scoring of the candidates could reach.

## All scores

{all_scores(methods)}
*Pooled* sums TP, FP and FN over all images before dividing. Precision, recall, F1 and panoptic
quality (PQ) are pooled, at IoU 0.5; Dice is that of the foreground, mean over images.

{by_threshold(methods)}
## Can the predicted IoU be trusted?

The {trust["nuclei"]} nuclei found, sorted by predicted IoU, in ten equal parts. The mean absolute
error is {trust["mean_absolute_error"]:.3f}.

{reliability(trust["bins"])}
![Predicted against true IoU](FIGURE)

## Can one tell how an image came out?

From the predicted IoUs an mAP is predicted for every image, without its truth. Its rank correlation
with the true one (Spearman) is {image["spearman"]:.3f}, the mean absolute error
{image["mean_absolute_error"]:.3f}. `infer` warns of {image["warned"]:.0%} of these images;
{image["warned_failed"]:.0%} of them have failed (mAP below 0.3), and {image["failed_warned"]:.0%}
of all that have failed are among them.

## What is left

mAP out of fold, counted on the candidates, if the selection erred less:

{what_if(scores["headroom"])}
Mean share of the ten thresholds that the best match of a true nucleus exceeds:

{by_area(scores["headroom"])}"""


def results_page(bundle: Bundle) -> str:
    """The page as Markdown; every number comes from the manifest."""
    manifest = bundle.manifest
    return f"""# Results

Written by `docs/make_results.py` from the manifest of the bundled model
(`{bundle.fingerprint[:12]}`, nucleisplit {manifest.nucleisplit}); do not edit.

All scores are out of fold: every image is scored with maps of a network, and by trees, that have
not seen it. The data are those of fingerprint `{manifest.data[:12]}`; what they are, and how the
model was trained, is in the [model card](../MODEL_CARD.md).

{score_section(manifest.scores).replace("FIGURE", FIGURE.name)}"""


def short_section(scores: dict) -> str:
    """What the README says of the scores."""
    methods = {name: scores["methods"][name] for name in METHODS if name in scores["methods"]}
    count = next(iter(methods.values()))["overall"]["images"]
    return (
        f"On the {count} training images of the Data Science Bowl 2018, each scored by networks\n"
        "and trees that have not seen it, with the competition's metric (1 is perfect):\n\n"
        f"{by_cluster(methods)}"
    )


def filled(path: Path, section: str) -> str:
    """The text of a page, with the section put between its two marks."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        sys.exit(f"{path}: lacks the lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{section}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    scores = bundle.manifest.scores
    trust = scores["reliability"]
    pages = {
        RESULTS: results_page(bundle),
        FIGURE: reliability_svg(trust["bins"], trust["nuclei"], trust["mean_absolute_error"]),
        README: filled(README, short_section(scores)),
        CARD: filled(CARD, score_section(scores).replace("FIGURE", f"docs/{FIGURE.name}")),
    }
    stale = [p for p, text in pages.items() if not p.exists() or p.read_text("utf-8") != text]
    if options.check:
        for path in stale:
            print(f"{path}: out of date; run python docs/make_results.py", file=sys.stderr)
        sys.exit(bool(stale))
    for path in stale:
        path.write_text(pages[path], encoding="utf-8")
        print(f"{path}: written")


if __name__ == "__main__":
    main()
