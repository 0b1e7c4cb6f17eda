"""Write docs/results.md with its figure, and the scores in README.md and MODEL_CARD.md.

All comes from the manifest of the bundled model, and, for kinds of image that nothing was trained
on, from docs/kinds.json, which `benchmarks/kinds.py --json` writes.

    python docs/make_results.py [--model NAME|PATH] [--check]

With --check nothing is written; the exit code says whether all are up to date.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean

from draw_reliability import reliability_svg

from nucleisplit.model.bundle import Bundle, load_bundle

HERE = Path(__file__).parent
RESULTS, FIGURE = HERE / "results.md", HERE / "reliability.svg"
NEW_KINDS = HERE / "kinds.json"
README, CARD = HERE.parent / "README.md", HERE.parent / "MODEL_CARD.md"
BEGIN = "<!-- scores: written by docs/make_results.py -->\n"
END = "<!-- end of scores -->\n"

METHODS = {
    "threshold": "watershed, tuned thresholds",
    "recut": "plain re-cut",
    "trees": "**nucleisplit**",
    "oracle": "oracle",
}
SHOWS = {
    **dict.fromkeys(["dsb2018/a", "dsb2018/f"], "fluorescence"),
    **dict.fromkeys(["dsb2018/b", "dsb2018/c", "dsb2018/e"], "stained tissue"),
    "dsb2018/d": "brightfield",
    "bbbc039": "Hoechst, U2OS cells",
    "cervical_lbc": "Papanicolaou cytology",
    "kromp_sbsst265": "DAPI, tumour imprints",
    "tnbc_naylor": "H&E, breast",
    "kumar_monuseg_train": "H&E, 7 organs",
    "cpm15": "H&E, brain",
    "polyps_dapi": "DAPI, packed tissue",
    "ctc_hela": "wide field, low contrast",
}
"""What the images of each kind show."""
OTHERS = ["micro-sam / PathoSAM", "Cellpose-SAM", "CellSAM", "Cellpose 3"]
PUBLISHED = {
    "bbbc039": ["0.787", "0.787+", "0.673+", "0.787+"],
    "kromp_sbsst265": ["0.749", "0.728", "0.589", "0.404"],
    "tnbc_naylor": ["0.471", "0.451+", "0.383+", "-"],
    "kumar_monuseg_train": [r"0.394+ \*", r"0.373+ \*", r"0.302+ \*", "-"],
}
"""Published scores of `OTHERS`: Archit and Pape 2026, arXiv 2603.17845, and its repository."""
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


def title(kind: str) -> str:
    return (kind or "-") + (f", {SHOWS[kind]}" if kind in SHOWS else "")


def by_kind(methods: dict, head: str) -> str:
    """Rows of mAP: all images, each kind, and the mean over the kinds."""
    first = next(iter(methods.values()))
    rows = [
        ["all images", *cells(first["overall"], [m["overall"]["map"] for m in methods.values()])]
    ]
    for name in first["kinds"]:
        values = [m["kinds"][name]["map"] for m in methods.values()]
        rows.append([title(name), *cells(first["kinds"][name], values)])
    means = [fmean(one["map"] for one in m["kinds"].values()) for m in methods.values()]
    if len(first["kinds"]) > 1:
        rows.append(["mean over kinds", *cells(first["overall"], means)])
    return table([head, "images", *(METHODS[name] for name in methods)], rows)


def cells(summary: dict, values: list[float]) -> list[str]:
    return [str(summary["images"]), *(f"{value:.3f}" for value in values)]


def new_kinds() -> str:
    """What benchmarks/kinds.py measured on kinds that nothing was trained on."""
    rows = json.loads(NEW_KINDS.read_text(encoding="utf-8"))["kinds"]
    names = list(next(iter(rows.values())))
    body = [
        [title(kind), *(f"{v:d}" if n == "images" else f"{v:.3f}" for n, v in row.items())]
        for kind, row in rows.items()
    ]
    return table(["never trained on", *names], body)


def all_scores(methods: dict) -> str:
    head = ["all images", *(title for title, _ in COLUMNS.values())]
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


def picked(scores: dict) -> dict:
    return {name: scores["methods"][name] for name in METHODS if name in scores["methods"]}


def trust_section(scores: dict) -> str:
    """How much the predicted IoU and mAP can be trusted, in one sort of maps."""
    image, trust = scores["image_quality"], scores["reliability"]
    return f"""The {trust["nuclei"]} nuclei found, sorted by predicted IoU, in ten parts. Their
predicted IoU errs by {trust["mean_absolute_error"]:.3f} in the mean, its bias is
{trust["bias"]:+.3f}.

{reliability(trust["bins"])}
From the predicted IoUs an mAP is predicted for every image, without ground truth. Its rank
correlation with the true one (Spearman) is {image["spearman"]:.3f}, the mean absolute error
{image["mean_absolute_error"]:.3f}. `infer` warns of {image["warned"]:.0%} of these images;
{image["warned_failed"]:.0%} of them have failed (mAP below 0.3), and {image["failed_warned"]:.0%}
of all that have failed are among them.
"""


def score_section(scores: dict) -> str:
    """The tables, each with its definitions."""
    outside = scores["out_of_kind"]
    return f"""## Kinds that the networks know

{by_kind(picked(scores), "mAP, in kind")}
*mAP* is the score of the Data Science Bowl 2018: per image the mean over the IoU thresholds 0.50,
0.55, ..., 0.95 of TP / (TP + FP + FN), then the mean over images. The *watershed* cuts the same
maps at one set of thresholds, tuned on up to a dozen of these very images of each kind in each
table. The *plain re-cut* has the candidates of the competition's winners only: regions of these
thresholds, cut again at three higher ones, described and chosen as ours are. The *oracle* selects
by the true IoU, and so shows the best that any scoring of the candidates could reach.

## Kinds that neither networks nor trees have seen

{by_kind(picked(outside), "mAP, out of kind")}
This, and not the table above, says what to expect of images of yet another kind; [method](METHOD)
says how both are made.

## Kinds that nothing was trained on

The bundled model as `infer` runs it, on images kept apart for evaluation (`benchmarks/kinds.py`):

{new_kinds()}
*One threshold*: the watershed with the one set of thresholds that is best in the mean over these
kinds. *Precision* and *recall* at IoU 0.5; *IoU error* and *bias*: mean absolute error, and mean of
predicted less true IoU, of the nuclei found.

## All scores

In kind:

{all_scores(picked(scores))}
Out of kind:

{all_scores(picked(outside))}
*Pooled* sums TP, FP and FN over all images before dividing. Precision, recall, F1 and panoptic
quality (PQ) are pooled, at IoU 0.5; Dice is that of the foreground, mean over images.

In kind, by threshold:

{by_threshold(picked(scores))}
## How much can the predictions be trusted?

In kind. {trust_section(scores)}
![Predicted against true IoU, in kind](FIGURE)

Out of kind. {trust_section(outside)}
## What is left

mAP in kind, counted on the candidates, if the selection erred less:

{what_if(scores["headroom"])}
Out of kind:

{what_if(outside["headroom"])}
Mean share of the ten thresholds that the best match of a true nucleus exceeds, in kind:

{by_area(scores["headroom"])}"""


def results_page(bundle: Bundle) -> str:
    """The page as Markdown; every number comes from the manifest."""
    manifest = bundle.manifest
    return f"""<!-- Written by docs/make_results.py: do not edit. -->

# Results

How well the bundled model does (`{bundle.fingerprint[:12]}`, nucleisplit {manifest.nucleisplit}).

All scores are out of fold: every image is scored with maps of a network, and by trees, that have
not seen it, and out of kind also none of its kind. The data are those of fingerprint
`{manifest.data[:12]}`; what they are, and how the model was trained, is in the
[model card](../MODEL_CARD.md).

{score_section(manifest.scores).replace("FIGURE", FIGURE.name).replace("METHOD", "method.md")}"""


def never_seen(scores: dict) -> dict[str, dict]:
    """Scores of kinds never seen, best first; kinds of one set that show the same are one."""
    outside = scores["out_of_kind"]["methods"]["trees"]["kinds"]
    groups: dict[str, list[dict]] = {}
    for name, row in outside.items():
        groups.setdefault(f"{SHOWS[name]} ({name.partition('/')[0]})", []).append(row)
    for name, row in json.loads(NEW_KINDS.read_text(encoding="utf-8"))["kinds"].items():
        if name in SHOWS:
            groups[f"{SHOWS[name]} ({name})"] = [row | {"map": row["mAP"]}]

    def mean(rows: list[dict], key: str, by: str) -> float:
        weights = [row.get(by, 1) for row in rows]
        return sum(w * row[key] for w, row in zip(weights, rows, strict=True)) / sum(weights)

    merged = {
        title: {
            "images": sum(row["images"] for row in rows),
            "found": mean(rows, "recall", "true_count"),
            "right": mean(rows, "precision", "predicted_count"),
            "map": mean(rows, "map", "images"),
        }
        for title, rows in groups.items()
    }
    return dict(sorted(merged.items(), key=lambda item: -item[1]["map"]))


def short_section(scores: dict) -> str:
    """What the README says of the scores: all of kinds that the networks have not seen."""
    kinds = never_seen(scores)
    rows = [
        [title, str(k["images"]), f"{k['found']:.0%}", f"{k['right']:.0%}", f"{k['map']:.3f}"]
        for title, k in kinds.items()
    ]
    others = [
        [title, f"**{kinds[title]['map']:.3f}**", *values]
        for name, values in PUBLISHED.items()
        for title in [f"{SHOWS[name]} ({name})"]
    ]
    return f"""Each kind of image was scored by networks and trees that have seen **no image of that
kind**, so this is what to expect of images unlike those we trained on:

{table(["kind of image", "images", "found", "of those right", "mAP"], rows)}
*Found*: nuclei with an outline at an IoU above 0.5. *Right*: outlines that are such. *mAP*: the
score of the Data Science Bowl 2018, mean over IoU thresholds of 0.5 to 0.95; 1 is perfect.

Beside the large models, in the same measure ([Archit and Pape
2026](https://arxiv.org/abs/2603.17845); + trained on images of that set):

{table(["mAP", "**nucleisplit**", *OTHERS], others)}"""


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
        CARD: filled(
            CARD,
            score_section(scores)
            .replace("FIGURE", f"docs/{FIGURE.name}")
            .replace("METHOD", "docs/method.md"),
        ),
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
