"""COCO JSON, as we write it of one image: run lengths (compressed, for pycocotools) or polygons."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nucleisplit.endings import stem_of
from nucleisplit.errors import InputError
from nucleisplit.files import load_json, replacing
from nucleisplit.names import brief

from .classes import classes_by_label
from .common import Shape, paint, settle_numbers, settle_shape, whole_numbers
from .label_stream import LabelStream, Piece, as_stream
from .outlines import trace_outlines
from .run_lengths import encode_run_lengths

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "read_coco",
    "read_coco_classes",
    "read_coco_images",
    "write_coco",
    "write_coco_polygons",
]

_NO_CLASS = "nucleus"
"""The category where nuclei have no classes."""
_LONGEST = 45
"""Bits of a run length; no image has as many pixels."""


def write_coco(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
    *,
    polygons: bool = False,
) -> None:
    """Write one annotation per nucleus; its id is the label, its score the predicted IoU.

    Parameters
    ----------
    path : str or Path
        The name without its ending is the name of the image in the file.
    labels : (H, W) integer ndarray or LabelStream
        0 = background; not negative.
    table : DataFrame, optional
        Measurements by the column ``label``; ``predicted_iou`` becomes ``score``.
    overwrite : bool
        Replace an existing file.
    polygons : bool
        Write outlines instead of run lengths, but for nuclei with holes: COCO polygons have none.

    Raises
    ------
    OutputError
        See `nucleisplit.files.replacing`.
    ValueError
        The array is not a label image.
    """
    stream, _ = as_stream(labels, table)
    height, width = stream.shape
    names = list(stream.classes) or [_NO_CLASS]
    content = {
        "images": [{"id": 1, "file_name": stem_of(path), "height": height, "width": width}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, start=1)],
        "annotations": [],
    }
    head, _, tail = _json(content).rpartition("]")
    with replacing(path, overwrite) as part, part.open("w", encoding="utf-8") as file:
        file.write(head)
        begin = ""
        for piece in stream.pieces():
            for annotation in _annotations(piece, stream.shape, names, polygons):
                file.write(begin + _json(annotation))
                begin = ","
        file.write(f"]{tail}\n")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _annotations(
    part: Piece, shape: Shape, names: list[str], polygons: bool
) -> Iterator[dict[str, Any]]:
    height, width = shape
    numbers, runs = encode_run_lengths(part.labels, part.top, height)
    pieces: Sequence[list] = [[]] * len(runs)
    if polygons:
        pieces = trace_outlines(part.labels, part.top).pieces
    scores, classes = _scores(part.table), classes_by_label(part.table)
    ids = {name: number for number, name in enumerate(names, start=1)}  # 0 is none of them
    for number, own, outlines in zip(numbers.tolist(), runs, pieces, strict=True):
        has_hole = any(len(piece) > 1 for piece in outlines)
        if polygons and not has_hole:
            segmentation: object = [piece[0].ravel().tolist() for piece in outlines]
        else:
            segmentation = _compress(own, height, width)
        annotation = {
            "id": number,
            "image_id": 1,
            "category_id": ids.get(classes.get(number, ""), 0 if classes else 1),
            "segmentation": segmentation,
            "area": int(own[:, 1].sum()),
            "bbox": _box(own, height),
            "iscrowd": 0,
        }
        if number in scores:
            annotation["score"] = scores[number]
        yield annotation


def write_coco_polygons(
    path: str | Path,
    labels: np.ndarray | LabelStream,
    table: pd.DataFrame | None = None,
    overwrite: bool = False,
) -> None:
    """Write outlines; see `write_coco`."""
    write_coco(path, labels, table, overwrite, polygons=True)


def read_coco(path: str | Path, shape: Shape | None = None) -> np.ndarray:
    """Read the annotations of one image into a label image.

    Parameters
    ----------
    path : str or Path
        Run lengths, compressed or not, and polygons, whose inside is told by the centres of their
        pixels; the polygons of one annotation are its parts, and may overlap. A pixel that several
        annotations claim goes to the one with the smallest polygons; run lengths may not share
        pixels. All categories count; annotations without a segmentation are passed over. Of a file
        of several images, that called like the file; see `read_coco_images`.
    shape : (int, int), optional
        Rows and columns of the image, checked against those in the file.

    Returns
    -------
    (H, W) int32 ndarray
        Numbered by the ids of the annotations.

    Raises
    ------
    InputError
        The file cannot be read, is no COCO, is about no image, names an image that it does not
        list, or a segmentation overlaps another or lies outside the image.
    """
    return _own_image(Path(path))(shape)


def _own_image(path: Path) -> _Image:
    """Return the image that a file is about: the only one, or that called like the file."""
    images = _parse(path)
    name = stem_of(path)
    chosen = images if len(images) == 1 else [each for each in images if each.stem == name]
    if len(chosen) != 1:
        raise InputError(
            f"{path}: is about {len(images)} images, {len(chosen) or 'none'} called {name}",
            f"make label images of all of them: nucleisplit convert {path.name} labels/ --to tiff",
        )
    return chosen[0]


def read_coco_classes(path: str | Path) -> dict[int, str]:
    """Read the category of every nucleus, by its label; only where there are several categories.

    Labels are those that `read_coco` gives. `InputError` as there.
    """
    return _own_image(Path(path)).classes()


def read_coco_images(path: str | Path) -> dict[str, Callable[..., np.ndarray]]:
    """Return what reads each image of a file of several, by the stem of its name; see `read_coco`.

    They take a shape as `read_coco` does, and have a method ``classes``, which gives what
    `read_coco_classes` does. A file about one image gives an empty dict.

    Raises
    ------
    InputError
        The file cannot be read, is no COCO, or two of its images have one stem.
    """
    path = Path(path)
    images = _parse(path)
    if len(images) == 1:
        return {}
    found: dict[str, Callable[..., np.ndarray]] = {}
    for image in images:
        if image.stem in found:
            raise InputError(
                f"{path}: lists several images called {brief(image.stem)}", "rename one"
            )
        found[image.stem] = image
    return found


@dataclass(frozen=True)
class _Image:
    """One image of a file, and its annotations."""

    path: Path
    stem: str
    stored: Shape | None
    annotations: list[dict[str, Any]]
    categories: dict[Any, str]

    def __call__(self, shape: Shape | None = None) -> np.ndarray:
        return _merge(self.path, settle_shape(self.path, self.stored, shape), self.annotations)

    def classes(self) -> dict[int, str]:
        if len(set(self.categories.values())) < 2:
            return {}
        numbers = settle_numbers([annotation.get("id") for annotation in self.annotations])
        found = zip(numbers.tolist(), self.annotations, strict=True)
        return {
            number: self.categories[annotation["category_id"]]
            for number, annotation in found
            if annotation.get("category_id") in self.categories
        }


def _parse(path: Path) -> list[_Image]:
    content = load_json(path, "COCO")
    try:
        images = {image["id"]: image for image in _listed(content["images"])}
        annotations = [a for a in _listed(content["annotations"]) if a.get("segmentation")]
        missing = [a["image_id"] for a in annotations if a["image_id"] not in images]
        stems = {key: _stem(image, key) for key, image in images.items()}
        shapes = {key: _shape(image) for key, image in images.items()}
        categories = {c["id"]: str(c["name"]) for c in _listed(content.get("categories") or [])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: is damaged, or is not COCO ({type(error).__name__}: {brief(error)})",
            "export it again",
        ) from None
    if missing:
        raise InputError(
            f"{path}: has annotations of image {brief(missing[0])}, which it does not list",
            "add it to its images",
        )
    if not images:
        raise InputError(f"{path}: is about no image", "export it again")
    own: dict[Any, list[dict[str, Any]]] = {key: [] for key in images}
    for annotation in annotations:
        own[annotation["image_id"]].append(annotation)
    return [_Image(path, stems[key], shapes[key], own[key], categories) for key in images]


def _listed(entries: Any) -> list[dict[str, Any]]:
    """The entries of a list, or of a dict by id, as in the files of LIVECell."""
    return list(entries.values() if isinstance(entries, dict) else entries)


def _stem(image: dict[str, Any], key: Any) -> str:
    name = str(image.get("file_name") or key).replace("\\", "/")
    return stem_of(name.rpartition("/")[2] or str(key))


def _shape(image: dict[str, Any]) -> Shape | None:
    if image.get("height") is None or image.get("width") is None:
        return None
    height, width = whole_numbers([image["height"], image["width"]]).tolist()
    return height, width


def _scores(table: pd.DataFrame | None) -> dict[int, float]:
    """Return the predicted IoU by label, six digits, of those that have one."""
    if table is None or "predicted_iou" not in table:
        return {}
    known = table.set_index("label")["predicted_iou"].dropna()
    return {int(label): float(f"{iou:.6g}") for label, iou in known.items()}


def _merge(path: Path, shape: Shape, annotations: list[dict[str, Any]]) -> np.ndarray:
    numbers = settle_numbers([annotation.get("id") for annotation in annotations])
    objects, outlined, masks = [], [], []
    for number, annotation in zip(numbers.tolist(), annotations, strict=True):
        segmentation = annotation["segmentation"]
        try:
            if isinstance(segmentation, list):
                objects.append([np.asarray(r, np.float64).reshape(-1, 2) for r in segmentation])
                outlined.append(number)
            else:
                masks.append((number, _decode(segmentation, shape)))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(
                f"{path}: annotation {number} cannot be read ({brief(error)})", "export it again"
            ) from None
    labels = paint(path, shape, objects, np.array(outlined, np.int64), unite=True)
    if not masks:
        return labels
    labels = labels.ravel(order="F")
    taken = np.zeros(labels.size, bool)
    for number, runs in masks:
        for first, last in runs.tolist():
            if taken[first:last].any():
                raise InputError(
                    f"{path}: annotation {number} shares pixels with another",
                    "give every pixel to one nucleus",
                )
            taken[first:last] = True
            labels[first:last] = number
    return np.ascontiguousarray(labels.reshape(shape, order="F"))


def _compress(runs: np.ndarray, height: int, width: int) -> dict[str, Any]:
    """Turn runs into the compressed form of pycocotools."""
    from pycocotools import mask

    ends = runs.sum(axis=1)
    gaps = runs[:, 0] - np.concatenate([[0], ends[:-1]])
    counts = np.stack([gaps, runs[:, 1]], axis=1).ravel().tolist()
    if ends[-1] < height * width:
        counts.append(int(height * width - ends[-1]))
    packed = mask.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
    return {"size": [height, width], "counts": packed["counts"].decode("ascii")}


def _decode(segmentation: dict[str, Any], shape: Shape) -> np.ndarray:
    """Return the runs of a nucleus, (n, 2): first place and the one behind the last, by columns."""
    if tuple(segmentation["size"]) != shape:
        raise ValueError(f"is for {segmentation['size']} pixels, the image has {list(shape)}")
    counts = segmentation["counts"]
    counts = _unpack(counts) if isinstance(counts, str) else counts
    counts = whole_numbers(counts)
    if counts.ndim != 1 or (counts < 0).any():
        raise ValueError("run lengths must not be negative")
    if (total := sum(counts.tolist())) != shape[0] * shape[1]:
        raise ValueError(f"runs over {total} pixels of {shape[0] * shape[1]}")
    ends = np.cumsum(counts)
    return np.stack([(ends - counts)[1::2], ends[1::2]], axis=1)


def _unpack(text: str) -> list[int]:
    """Decode COCO's compressed counts: five bits a character, from the third on as differences."""
    counts: list[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        code = character - 48
        if not 0 <= code < 64:
            raise ValueError(f"{chr(character)!r} is no character of run lengths")
        if shift > _LONGEST:
            raise ValueError("a run length has too many digits")
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("run lengths end too early")
    return counts


def _box(runs: np.ndarray, height: int) -> list[int]:
    """Return left, top, width and height of the box round runs."""
    columns, rows = np.divmod(runs[:, 0], height)
    last_columns, last_rows = np.divmod(runs.sum(axis=1) - 1, height)
    whole = (columns != last_columns).any()  # a run that goes on in the next column
    top = 0 if whole else int(rows.min())
    bottom = height - 1 if whole else int(last_rows.max())
    left, right = int(columns[0]), int(last_columns[-1])
    return [left, top, right - left + 1, bottom - top + 1]
