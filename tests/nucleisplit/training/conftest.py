"""A dataset on disk, small enough to train on during a test."""

from pathlib import Path

import pytest
from skimage.io import imsave


@pytest.fixture(scope="session")
def data(tmp_path_factory, spots) -> Path:
    """Twelve images of spots with labels, a table with two mosaics a fold, and two clusters."""
    folder = tmp_path_factory.mktemp("spots")
    rows = ["image_id,mosaic,fold,cluster"]
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(12):
        image, labels = spots(seed=number, shape=(96, 96), count=12)
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
