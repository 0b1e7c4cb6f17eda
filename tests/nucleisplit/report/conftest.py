"""A small run as ``infer`` leaves it, written without a network, with its truth."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nucleisplit.labels import write_labels
from nucleisplit.measure import measure
from nucleisplit.review import Doubt, write_review

# Only where `pip install ".[browser]"` put it there; CI does, see .ci/run.
collect_ignore = [] if importlib.util.find_spec("playwright") else ["test_browser.py"]

HOSTILE = "<script>alert(1)<script>\"' onerror=alert(2) &amp; #1?.png"


def squares(*boxes, shape=(60, 80)):
    """A label image of rectangles: top, left, bottom, right."""
    labels = np.zeros(shape, np.int32)
    for number, (top, left, bottom, right) in enumerate(boxes, start=1):
        labels[top:bottom, left:right] = number
    return labels


FOUND = squares((5, 5, 15, 15), (5, 15, 15, 25), (30, 30, 50, 50), (40, 70, 60, 80))
TRUTH = squares((5, 5, 15, 25), (30, 30, 50, 40), (30, 40, 50, 50), (40, 72, 60, 80))


def write_run(folder: Path, names, found=FOUND, **extra) -> Path:
    """Write images, labels, reviews, the table and the record of a run; the folder of the run."""
    out, images = folder / "out", folder / "images"
    out.mkdir()
    images.mkdir()
    entries, tables = [], []
    for number, name in enumerate(names):
        gray = (40 + 150 * (found > 0) + np.arange(found.shape[1]) % 7).astype(np.uint8)
        Image.fromarray(gray).save(images / name)
        iou = np.linspace(0.3 + 0.1 * number, 0.9, found.max())
        table = measure(found, gray, iou, np.full(found.max(), 0.5))
        tables.append(table.assign(image=name))
        stem = f"i{number}"
        write_labels(out / f"{stem}_labels.tif", found)
        Image.fromarray(gray).save(out / f"{stem}_overlay.png")
        ring = (5, 5, 25, 5, 25, 15, 5, 15)
        merged = [Doubt(n, 0.0, "merged", 0.5, 0.1, (3 - n,), (ring,)) for n in (1, 2)]
        halves = ((30, 30, 40, 30, 40, 50, 30, 50), (40, 30, 50, 30, 50, 50, 40, 50))
        split = Doubt(3, 0.0, "split", 0.4, 0.02, (), halves)
        doubts = [*merged, split] if found.any() else []
        doubts = [replace(doubt, predicted_iou=iou[doubt.label - 1]) for doubt in doubts]
        write_review(out / f"{stem}_review.json", doubts)
        entries.append(
            {
                "key": f"../images/{name}",
                "image": name,
                "path": f"gone/{name}",
                "status": "ok",
                "nuclei": len(table),
                "predicted_map": 0.3 + 0.4 * number,
                "doubtful": number == 0,
                "pixel_size_um": None,
                "labels": f"{stem}_labels.tif",
                "overlay": f"{stem}_overlay.png",
                "review": f"{stem}_review.json",
            }
        )
    pd.concat(tables).to_csv(out / "nuclei.csv", index=False)
    record = {
        "nucleisplit": "0",
        "status": "finished",
        "started": "2026-01-01T10:00:00+0000",
        "model": {"name": "default"},
        "parameters": {"channel": None, "write": []},
        "images": entries,
    }
    (out / "run.json").write_text(json.dumps(record | extra))
    return out


def change_record(out: Path, change):
    """Rewrite ``run.json`` by a function of it."""
    record = json.loads((out / "run.json").read_text())
    change(record)
    (out / "run.json").write_text(json.dumps(record))


@pytest.fixture
def out(tmp_path):
    """A run of two images, the first of a hostile name."""
    return write_run(tmp_path, [HOSTILE, "b 2.png"])


@pytest.fixture
def truth(tmp_path):
    """The truth of both."""
    folder = tmp_path / "truth"
    for stem in ("i0", "i1"):
        write_labels(folder / f"{stem}.tif", TRUTH)
    return folder


@pytest.fixture
def hostile():
    return HOSTILE


@pytest.fixture
def make_run(tmp_path):
    return lambda *arguments, **extra: write_run(tmp_path, *arguments, **extra)


@pytest.fixture
def change():
    return change_record
