"""The out-of-fold scores of a training run: kept in the model, printed as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from nucleisplit.metric import ImageScore, summarize, summarize_groups


def make_scores(methods: Mapping[str, Sequence[ImageScore]], kinds: Mapping[str, str]) -> dict:
    """Summarize every method, overall and by kind.

    Parameters
    ----------
    methods : mapping
        Name of a method -> scores of all images.
    kinds : mapping
        Image id -> kind.

    Returns
    -------
    dict
        ``{"methods": {name: {"overall": summary, "kinds": {kind: summary}}}}`` with plain
        numbers, see `Summary.as_dict`.
    """
    return {
        "methods": {
            name: {
                "overall": summarize(scores).as_dict(),
                "kinds": {
                    kind: summary.as_dict()
                    for kind, summary in summarize_groups(scores, kinds).items()
                },
            }
            for name, scores in methods.items()
        }
    }


def score_lines(scores: dict, sort: str = "out of fold") -> list[str]:
    """Lay out the mAP of every method by kind, as lines of equal columns.

    Parameters
    ----------
    scores : dict
        From `make_scores`.
    sort : str
        What the maps are, for the head: out of fold, in kind, or out of kind.

    Returns
    -------
    list of str
        The last line is the mean over the kinds, where there are several.
    """
    methods = scores["methods"]
    first = next(iter(methods.values()))
    names = list(first["kinds"])
    width = max(22, *(len(name) + 2 for name in names))
    lines = [f"{'mAP, ' + sort:<{width}}{'images':>8}" + "".join(f"{n:>12}" for n in methods)]

    def add(title: str, images: int, values: list[float]) -> None:
        lines.append(
            f"{title:<{width}}{images:>8}" + "".join(f"{value:>12.4f}" for value in values)
        )

    add("all", first["overall"]["images"], [m["overall"]["map"] for m in methods.values()])
    for name in names:
        row = [method["kinds"][name]["map"] for method in methods.values()]
        add(f"  {name or '-'}", first["kinds"][name]["images"], row)
    if len(names) > 1:
        means = [fmean(kind["map"] for kind in m["kinds"].values()) for m in methods.values()]
        add("mean over kinds", first["overall"]["images"], means)
    return lines


def trust_lines(scores: dict) -> list[str]:
    """Say how much the predictions of IoU and mAP can be trusted, and what the oracle does better.

    Parameters
    ----------
    scores : dict
        With ``reliability``, ``image_quality`` and ``headroom``, as ``train-trees`` makes them.

    Returns
    -------
    list of str
    """
    trust, image = scores["reliability"], scores["image_quality"]
    gap = max((abs(b["predicted"] - b["true"]) for b in trust["bins"]), default=0.0)
    steps = ", ".join(
        f"{name.replace('_', ' ')} {value:.3f}"
        for name, value in scores["headroom"]["what_if"].items()
    )
    return [
        f"predicted IoU of {trust['nuclei']} nuclei: mean absolute error "
        f"{trust['mean_absolute_error']:.3f}, bias {trust['bias']:+.3f}, largest gap of a tenth "
        f"{gap:.3f}",
        f"predicted mAP of the images: Spearman {image['spearman']:.3f}, mean absolute error "
        f"{image['mean_absolute_error']:.3f}, {image['warned']:.0%} warned of",
        f"mAP, what if: {steps}",
    ]
