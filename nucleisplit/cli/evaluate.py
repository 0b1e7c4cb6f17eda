"""``nucleisplit evaluate``: score label images against the truth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import console
from .completers import complete_files
from .options import CONTEXT, FILE_OR_FOLDER, label_options, overwrite_option
from .text_table import aligned

if TYPE_CHECKING:
    from nucleisplit.class_metric import ClassImage, ClassSummary
    from nucleisplit.datasets import ImageClasses
    from nucleisplit.images import PlaneChoice
    from nucleisplit.metric import ImageScore, Summary


def _take_json(
    context: click.Context, _parameter: click.Parameter, word: str | None
) -> Path | None:
    """Print the scores where there is no name of a file, or ``-``."""
    if word == "-" and not context.resilient_parsing:
        console.set_talk(context, "json")
    return None if word in (None, "-") else Path(word)


@click.command(context_settings=CONTEXT)
@click.argument("pred", type=FILE_OR_FOLDER)
@click.argument("truth", type=FILE_OR_FOLDER)
@click.option(
    "--groups",
    nargs=2,
    type=(FILE_OR_FOLDER, str),
    metavar="CSV COLUMN",
    help="Also score by group: a table with image_id, and the column that names the group.",
)
@click.option(
    "--json",
    "json_path",
    is_flag=False,
    flag_value="-",
    callback=_take_json,
    shell_complete=complete_files,
    metavar="[FILE]",
    help="Write all scores into FILE, those of every image too; without FILE, as the last word, "
    "print them as one JSON document, and all else on stderr.",
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Leave images without a prediction out, instead of counting their nuclei as missed.",
)
@label_options
@overwrite_option
def evaluate(
    pred: Path,
    truth: Path,
    groups: tuple[Path, str] | None,
    json_path: Path | None,
    allow_missing: bool,
    planes: PlaneChoice,
    overwrite: bool,
) -> None:
    """Score the label images PRED against TRUTH.

    Both are a label image (TIFF, PNG, an array of NumPy), outlines (GeoJSON, ImageJ regions, COCO,
    run lengths), a folder of them with equal stems, a folder written by infer or Cellpose, or a
    dataset (images/ + labels/ or masks/, or <id>/masks/).

    \b
    nucleisplit evaluate images-nuclei/ DATA
    nucleisplit evaluate images-nuclei/ DATA --groups DATA/folds.csv cluster
    nucleisplit evaluate images-nuclei/ DATA --json scores.json    of every image
    nucleisplit evaluate cells_labels.tif truth.png
    nucleisplit evaluate images-nuclei/ labels/ --json       for programs

    mAP is the score of the Data Science Bowl 2018: the mean over images of the mean over IoU
    thresholds 0.50 to 0.95 of TP / (TP + FP + FN). The pooled one sums TP, FP and FN over all
    images first. P(recision), R(ecall), F1 and PQ (panoptic quality) are pooled, at IoU 0.5;
    Dice is that of the foreground, mean over images.

    Where both tell the classes of nuclei, each class is scored, too, in the images whose truth
    tells them. A nucleus counts for its class where it is found (IoU above 0.5) and given that
    class. F_c and F_d are HoVer-Net's F of a type and of detection; mPQ is PanNuke's, mPQ+ CoNIC's.
    """
    from nucleisplit.class_metric import summarize_classes
    from nucleisplit.datasets import read_image_table
    from nucleisplit.errors import DatasetError
    from nucleisplit.files import refuse_overwrite, write_json
    from nucleisplit.metric import summarize, summarize_groups

    if json_path is not None:
        refuse_overwrite(json_path, overwrite)
    table = None
    if groups is not None:
        table = read_image_table(groups[0]).column(groups[1])
    scores, told, classes = _score_all(pred, truth, allow_missing, planes)
    overall = summarize(scores)
    by_group: dict[str, Summary] = {}
    if groups is not None and table is not None:
        absent = [s.image_id for s in scores if s.image_id not in table]
        if absent:
            raise DatasetError(f"{groups[0]}: has no row for {_some(absent)}", "add it")
        by_group = summarize_groups(scores, table)
    by_class = summarize_classes(told, classes) if told else None
    content = {
        "predictions": pred,
        "truth": truth,
        "overall": overall.as_dict(),
        "group_column": groups[1] if groups else None,
        "groups": {name: summary.as_dict() for name, summary in by_group.items()},
        "images": [
            {
                "image_id": score.image_id,
                "group": table[score.image_id] if table is not None else None,
                "true_count": score.true_count,
                "predicted_count": score.predicted_count,
                "map": score.map,
                "ap": score.ap,
                "dice": score.dice,
            }
            for score in scores
        ],
    }
    text = f"{_summary_table(overall, by_group)}\n\n{_threshold_table(overall)}"
    if by_class is not None:
        content["classes"] = by_class.as_dict()
        text += f"\n\n{_class_table(by_class)}\n\n{_confusion_table(by_class)}"
    console.answer(text, content)
    if json_path is not None:
        write_json(json_path, content, overwrite)


def _score_all(
    pred: Path, truth: Path, allow_missing: bool, planes: PlaneChoice
) -> tuple[list[ImageScore], list[ClassImage], list[str]]:
    """Score all images, and by class those whose truth tells them; and list the classes."""
    from nucleisplit.class_metric import compare_classes
    from nucleisplit.datasets import find_label_sources, read_source_classes
    from nucleisplit.errors import InputError
    from nucleisplit.images import is_zarr
    from nucleisplit.metric import score_image

    predicted, true = find_label_sources(pred), find_label_sources(truth)
    true_classes = read_source_classes(truth, true)
    found_classes = read_source_classes(pred, predicted) if true_classes else {}
    are_files = all(path.is_file() or is_zarr(path) for path in (pred, truth))
    if are_files and len(predicted) == len(true) == 1:
        # two files belong together, whatever their names
        (image_id,), (name,) = true, predicted
        predicted = {image_id: predicted[name]}
        found_classes = {image_id: found_classes[name]} if found_classes else {}
    common = [image_id for image_id in true if image_id in predicted]
    if not common:
        raise InputError(
            f"{pred}: no label image has a name that occurs in {truth}",
            "predictions are called like the image, or like it with _labels",
        )
    missing = [image_id for image_id in true if image_id not in predicted]
    if missing:
        if allow_missing:
            fate, remedy = "left out", ""
        else:
            fate = "all their nuclei count as missed"
            remedy = "; --allow-missing leaves them out"
        console.note(f"no prediction for {len(missing)}, {fate}: {_some(missing, 5)}{remedy}")
    if spare := len(predicted) - len(common):
        console.note(
            f"{spare} predictions have no truth and are left out; the names have to be equal"
        )
    classes = _classes(true_classes, found_classes, true)
    scores, told = [], []
    for image_id, source in true.items():
        if image_id not in predicted and allow_missing:
            continue
        labels = source.read(choice=planes)
        found = 0 * labels
        if image_id in predicted:
            found = predicted[image_id].read(labels.shape, planes)
        try:
            score = score_image(found, labels, image_id)
            if classes and (image_id in true_classes or not labels.any()):
                own, known = (
                    both[image_id].of(drawn) if image_id in both else {}
                    for both, drawn in ((found_classes, found), (true_classes, labels))
                )
                told.append(compare_classes(found, labels, own, known, classes, image_id))
        except ValueError as error:
            raise InputError(
                f"{predicted[image_id].paths[0]}: does not fit {source.paths[0]} ({error})",
                "compare label images of the same image",
            ) from None
        scores.append(score)
        counts = f"{score.predicted_count} nuclei of {score.true_count}"
        console.detail(f"{source.paths[0]}: {counts}, mAP {score.map:.3f}")
    return scores, told, classes


def _classes(
    true: dict[str, ImageClasses], found: dict[str, ImageClasses], images: Iterable[str]
) -> list[str]:
    """List all classes, those of the truth first; none where one of the two has none."""
    names, others = (
        sorted({name for each in both.values() for name in each.names()}) for both in (true, found)
    )
    if not names or not others:
        return []
    if spare := [name for name in others if name not in names]:
        console.note(
            f"classes that only the predictions have: {_some(spare)}; the truth has "
            f"{_some(names, 9)}"
        )
    if without := [image_id for image_id in images if image_id not in true]:
        console.note(
            f"the truth of {len(without)} of {len(without) + len(true)} images tells no classes: "
            f"{_some(without)}; scores by class leave them out"
        )
    return [*names, *(name for name in others if name not in names)]


def _some(names: list[str], limit: int = 3) -> str:
    from nucleisplit.names import name_some

    return name_some(names, limit)


def _summary_table(overall: Summary, by_group: dict[str, Summary]) -> str:
    head = ["", "images", "true", "found", "mAP", "AP50", "AP75", "mAP pooled"]
    head += ["P50", "R50", "F1", "PQ", "Dice"]
    rows = [head]
    for name, s in [("all", overall), *by_group.items()]:
        numbers = [s.map, s.ap[0], s.ap[5], s.map_pooled]
        numbers += [s.precision, s.recall, s.f1, s.panoptic_quality, s.dice]
        counts = [str(s.images), str(s.true_count), str(s.predicted_count)]
        rows.append([name or "(none)", *counts, *(f"{number:.3f}" for number in numbers)])
    return aligned(rows)


def _class_table(by_class: ClassSummary) -> str:
    scores, total = by_class, by_class.total
    rows = [["class", "true", "found", "P50", "R50", "F1", "F_c", "PQ"]]
    columns = (scores.precision, scores.recall, scores.f1, scores.f_type, scores.pq)
    for number, name in enumerate(scores.classes):
        counts = [f"{total.true[number]}", f"{total.found[number]}"]
        rows.append([name, *counts, *(f"{column[number]:.3f}" for column in columns)])
    means = {
        "F_d": scores.f_detection,
        "accuracy": scores.accuracy,
        "macro F1": scores.macro_f1,
        "mPQ": scores.mpq,
        "mPQ+": scores.mpq_plus,
    }
    return aligned(rows) + "\n" + ", ".join(f"{n} {value:.3f}" for n, value in means.items())


def _confusion_table(by_class: ClassSummary) -> str:
    total = by_class.total
    columns = [*total.confusion.T, *([total.unnamed] if total.unnamed.any() else []), total.missed]
    more = ["no class", "missed"] if total.unnamed.any() else ["missed"]
    rows = [["true \\ found", *by_class.classes, *more]]
    for number, name in enumerate(by_class.classes):
        rows.append([name, *(f"{column[number]}" for column in columns)])
    rows.append(["spurious", *(f"{count}" for count in total.spurious), *["" for _ in more]])
    return aligned(rows)


def _threshold_table(overall: Summary) -> str:
    from nucleisplit.metric import THRESHOLDS

    rows = [["IoU above", *(f"{t:.2f}" for t in THRESHOLDS)]]
    rows.append(["AP, mean over images", *(f"{v:.3f}" for v in overall.ap)])
    rows.append(["AP, pooled over nuclei", *(f"{v:.3f}" for v in overall.ap_pooled)])
    return aligned(rows)
