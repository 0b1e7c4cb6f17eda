"""The out-of-fold scores of a training run: kept in the model, printed as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nucleisplit.metric import ImageScore, summarize, summarize_groups


def make_scores(methods: Mapping[str, Sequence[ImageScore]], clusters: Mapping[str, str]) -> dict:
    """Summarize every method, overall and by cluster.

    Parameters
    ----------
    methods : mapping
        Name of a method -> scores of all images.
    clusters : mapping
        Image id -> cluster.

    Returns
    -------
    dict
        ``{"methods": {name: {"overall": summary, "clusters": {cluster: summary}}}}`` with plain
        numbers, see `Summary.as_dict`.
    """
    return {
        "methods": {
            name: {
                "overall": summarize(scores).as_dict(),
                "clusters": {
                    cluster: summary.as_dict()
                    for cluster, summary in summarize_groups(scores, clusters).items()
                },
            }
            for name, scores in methods.items()
        }
    }


def score_lines(scores: dict) -> list[str]:
    """Lay out the mAP of every method by cluster, as lines of equal columns.

    Parameters
    ----------
    scores : dict
        From `make_scores`.

    Returns
    -------
    list of str
    """
    methods = scores["methods"]
    first = next(iter(methods.values()))
    head = f"{'mAP, out of fold':<18}{'images':>8}" + "".join(f"{name:>12}" for name in methods)
    lines = [head]
    for title, pick in [
        ("all", lambda method: method["overall"]),
        *[
            (f"cluster {name or '-'}", lambda method, name=name: method["clusters"][name])
            for name in first["clusters"]
        ],
    ]:
        values = "".join(f"{pick(method)['map']:>12.4f}" for method in methods.values())
        lines.append(f"{title:<18}{pick(first)['images']:>8}{values}")
    return lines


def trust_lines(scores: dict) -> list[str]:
    """Say how far the predictions of IoU and mAP can be trusted, and what the oracle does better.

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
        f"{trust['mean_absolute_error']:.3f}, largest gap of a tenth {gap:.3f}",
        f"predicted mAP of the images: Spearman {image['spearman']:.3f}, mean absolute error "
        f"{image['mean_absolute_error']:.3f}, {image['warned']:.0%} warned of",
        f"mAP, what if: {steps}",
    ]
