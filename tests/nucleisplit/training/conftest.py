"""A dataset on disk, small enough to train on during a test."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from skimage.io import imsave

from nucleisplit.cli.main import main


def draw_field(seed: int, side=96, count=12):
    """Bright disks on noise that hardly overlap: (side, side) uint8 image and int32 labels.

    So easy that the scores do not hang on how a processor rounds: a training of another seed
    changes them by 0.05. Of disks that overlap at random it changed that of the recut from 0.63
    to 0.25.
    """
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.int32)
    disks = []
    while len(disks) < count:
        y, x, r = *rng.uniform(0, side, 2), rng.uniform(5, 9.5)
        if all(np.hypot(y - b, x - a) > 0.95 * (r + c) for b, a, c in disks):
            disks.append((y, x, r))
            labels[(np.hypot(yy - y, xx - x) < r) & (labels == 0)] = len(disks)
    image = 30 + (150 + 20 * (labels % 3)) * (labels > 0) + rng.normal(0, 6, labels.shape)
    return image.clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Twelve images of spots with labels, a table with two mosaics a fold, and two clusters."""
    folder = tmp_path_factory.mktemp("spots")
    rows = ["image_id,mosaic,fold,cluster"]
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(12):
        image, labels = draw_field(number)
        stem = f"spot {number:02}"
        imsave(folder / "images" / f"{stem}.png", image, check_contrast=False)
        imsave(folder / "labels" / f"{stem}.png", labels.astype("uint16"), check_contrast=False)
        rows.append(f"{stem},{number // 3},{number // 6},{'ab'[number % 2]}")
    (folder / "folds.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def settings(tmp_path_factory) -> Path:
    """A configuration that trains in seconds."""
    path = tmp_path_factory.mktemp("settings") / "train.toml"
    path.write_text(
        """
        [network]
        widths = [8, 16, 32]
        [train]
        steps = 160
        epoch_steps = 40
        batch = 6
        crop = 64
        lr = 1e-2
        ema = 0.9
        augment = "light"
        scale = [0.9, 1.1]
        validation_crops = 4
        workers = 0
        [trees]
        boosters = 1
        rounds = 40
        min_rows = 10
        """
    )
    return path


@pytest.fixture(scope="session")
def run():
    """Run a command as a user types it, and return what it prints."""

    def invoke(*words):
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == 0, f"{words}\n{result.output}\n{result.exception!r}"
        return result.output

    return invoke


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory, data, settings, run):
    """Folder of a finished training run, the command that made it, and what it printed."""
    folder = tmp_path_factory.mktemp("training") / "run"
    words = ("train-unet", data, "--out", folder, "--config", settings, "--device", "cpu")
    return folder, words, run(*words)


@pytest.fixture(scope="session")
def trained_model(trained_run, run):
    """Folder of the model made of it, and what that printed."""
    folder = trained_run[0]
    model = folder.with_name("model")
    labels = folder.with_name("labels")
    return model, run("train-trees", folder, "--out", model, "--labels", labels)
