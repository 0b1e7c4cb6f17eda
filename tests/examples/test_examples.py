"""The examples run as their users run them, on the example images."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nucleisplit.labels import read_geojson, read_labels, write_labels

EXAMPLES = Path(__file__).parents[2] / "examples"
IMAGES = ("cells_crowded", "cells_dim", "cells_sparse", "tissue")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a script with these arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(script, *arguments):
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / script), run_name="__main__")

    return run


def test_segment_folder(run, capsys):
    run("segment_folder.py", EXAMPLES / "images", "results")
    assert capsys.readouterr().out.startswith("4 images: ")
    summary = pd.read_csv("results/summary.csv").set_index("image")
    assert sorted(summary.index) == [f"{name}.png" for name in IMAGES]
    assert not summary["look_at_it"].any()
    assert summary.loc["cells_crowded.png", "nuclei"] > summary.loc["cells_dim.png", "nuclei"]
    for name in IMAGES:
        labels = read_labels(f"results/{name}_labels.tif")
        assert labels.max() == summary.loc[f"{name}.png", "nuclei"]
        assert np.array_equal(read_geojson(f"results/{name}.geojson"), labels)


def test_review_doubtful(run):
    run("review_doubtful.py", EXAMPLES / "images", "review", "--count", 5)
    review = pd.read_csv("review/review.csv")
    assert review["picture"].tolist() == [f"{number:03d}.png" for number in range(1, 6)]
    assert review["predicted_iou"].is_monotonic_increasing
    for path in review["picture"]:
        picture = np.asarray(Image.open(Path("review", path)))
        assert min(picture.shape[:2]) > 20 * 4
        assert (np.ptp(picture, axis=2) > 60).any()  # an outline, which is coloured


def test_tune_selection(run, capsys):
    draw = runpy.run_path(str(EXAMPLES / "make_images.py"))["nuclei"]
    Path("images").mkdir()
    Path("labels").mkdir()
    image = EXAMPLES / "images/cells_sparse.png"
    Path("images/cells_sparse.png").write_bytes(image.read_bytes())
    truth = draw(np.random.default_rng(1), (256, 320), 24, 12, touching=0.3)
    write_labels("labels/cells_sparse.tif", truth)

    run("tune_selection.py", "images", "labels")
    *rows, best = capsys.readouterr().out.splitlines()[1:]
    scores = [float(row.split()[2]) for row in rows]
    assert len(scores) == 20
    assert max(scores) > 0.6
    assert best.startswith("best of 1 images: --split-bias ")

    Path("labels/cells_sparse.tif").rename("labels/other.tif")
    with pytest.raises(SystemExit, match="no image of images has a label image in labels"):
        run("tune_selection.py", "images", "labels")
